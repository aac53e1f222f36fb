//! The commands for gate files: `check`, `explain`, `schema` and `init`.

mod check;
pub mod diagnostics;
mod explain;
mod init;
mod schema;

pub use self::{
    check::{CheckGateOptions, check_gate},
    explain::{ExplainOptions, explain},
    init::{InitOptions, init},
    schema::{SchemaKind, print_schema},
};
