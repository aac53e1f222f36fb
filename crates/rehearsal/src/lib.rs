//! Simulates a deployment on one machine.
//!
//! Everything around the five hook functions is simulated here, in one process, on free ports of the loopback
//! interface: the AWS operations that they call, the Lambda Runtime API that they poll, the service that is deployed,
//! and CodeDeploy itself. The functions are the real programs, unmodified, as child processes.
//!
//! - [`rehearse`] runs a [`Scenario`] from start to end and returns a [`Report`].
//! - [`serve`] keeps a scenario's world running for a user's own hook or another program.
//! - [`HookTestBed`] is one moment of a healthy deployment with one function, for tests that break exactly one thing.
//!
//! The [`world`] is typed state that changes as time passes and does no I/O. AWS's wire formats are a thin layer over
//! it that follows the service models.

mod check_line;
mod codedeploy;
mod duration_text;
mod fake_aws;
mod hook_text;
mod http;
mod lambda;
mod report;
mod scenario;
mod serve;
mod service;
mod test_bed;
pub mod world;

use std::path::PathBuf;

// The words for hooks and their status are the product's. Nothing else is shared.
pub use lifecycle::{Colour, Hook, Status};

pub use self::{
    check_line::{CheckDecision, CheckLine, CheckOutcome},
    codedeploy::{
        invariants::{ExecutionRecord, PlannedFaults, SentStatus, allowed_responders, violations},
        rehearse,
    },
    fake_aws::{Exchange, Recorder, SentReply, SentRequest, StatusPut},
    lambda::{
        AccountRegion, ClockSkew, FUNCTION_NAME_PREFIX, FunctionName, FunctionRef, HOOK_FUNCTION, HookVerdict,
        InvocationResult, ProcessExit, ProcessLimit,
    },
    report::*,
    scenario::{
        AppSpec, Category, FaultKind, FaultTiming, GateTrial, HookTarget, InjectedFault, InvokeError, KilledFunction,
        OperatorStop, Redelivery, Scenario, ScenarioDeployment, ScenarioGate, ServiceDescription, TrialQuestion,
    },
    serve::{AwsCall, Endpoints, FunctionReturned, HookWaiting, ServeEvent, ServeOptions, serve},
    service::ServiceRequest,
    test_bed::{HookRunReport, HookTestBed, RunningTestBed},
};

/// The options of a rehearsal.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the six programs: five hook functions and the on-failure handler. Or one program that runs any of
    /// them with the arguments [`HOOK_FUNCTION`] and its name.
    pub binaries: PathBuf,
    /// A gate file that replaces the scenario's.
    pub gate: Option<GateTrial>,
    /// An AppSpec file in place of the scenario's.
    pub appspec: Option<AppSpec>,
    /// The seed for ids; by default, the clock. The same seed gives the same ids.
    pub seed: Option<u64>,
    /// Records the requests and responses between the functions and AWS.
    pub recorder: Option<Recorder>,
}
