//! Simulated Lambda: functions are child processes, and each polls its own Runtime API.

mod function;
mod function_name;
mod function_ref;
pub(crate) mod hook_log;
mod invocation;
pub(crate) mod on_failure;
mod proc;
mod process_pool;
mod runtime_api;
mod settings;

#[cfg(test)]
mod tests;

pub use self::function::HOOK_FUNCTION;
pub(crate) use self::{
    function::{FunctionProcess, locate},
    invocation::{Invoker, LogLines},
    process_pool::ProcessPool,
    runtime_api::{RUNTIME_PATH, invocation_response, parse_result},
    settings::Setup,
};
pub use self::{
    function_name::{FUNCTION_NAME_PREFIX, FunctionName},
    function_ref::{AccountRegion, FunctionRef},
    hook_log::HookVerdict,
    invocation::{InvocationResult, ProcessExit},
    settings::{ClockSkew, ProcessLimit},
};
