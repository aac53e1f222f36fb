//! A deployment on one machine.
//!
//! Everything around the five hook functions is played here, in one process, on loopback and free ports: the AWS
//! operations that they call, the Lambda Runtime API that they poll, the service that is being deployed, and CodeDeploy
//! itself. The functions are the real programs, unmodified, as child processes.
//!
//! - [`rehearse`] takes a [`Scenario`] through all of it and gives a [`Report`].
//! - [`serve`] keeps a scenario's world up for a hook or another program of somebody's own.
//! - [`Stage`] is one moment of a healthy deployment with one function, for tests that break exactly one thing.
//!
//! The [`world`] is typed state that moves as time passes and does no I/O. The wire formats of AWS are a thin layer
//! over it, true to the service models.

mod appspec;
mod aws;
mod codedeploy;
mod fault;
mod function_name;
mod function_ref;
mod gate_file;
mod hook_log;
mod hook_name;
mod http_server;
mod invariants;
mod lambda;
mod on_failure;
mod report;
mod scenario;
mod serve;
mod service;
mod test_bed;
pub mod world;

use std::path::PathBuf;

pub use self::{
    appspec::{AppSpec, InvokeError},
    aws::{Exchange, Recorder, SentReply, SentRequest, StatusPut},
    codedeploy::rehearse,
    fault::{FaultKind, FaultTiming, InjectedFault},
    function_name::FunctionName,
    function_ref::{AccountRegion, FUNCTION_NAME_PREFIX, FunctionRef},
    gate_file::ScenarioGate,
    hook_name::HookName,
    invariants::{ExecutionRecord, PlannedFaults, SentStatus, allowed_responders, violations},
    lambda::{ClockSkew, InvocationResult, ProcessLimit},
    report::*,
    scenario::{
        Category, HookTarget, KilledFunction, OperatorStop, Platform, Redelivery, Scenario, ScenarioDeployment,
    },
    serve::{AwsCall, Endpoints, FunctionReturned, HookWaiting, ServeEvent, serve},
    service::{Colour, ServiceRequest},
    test_bed::{HookRunReport, HookTestBed, RunningTestBed},
};

/// How to rehearse.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the programs: five hooks and the net.
    pub binaries: PathBuf,
    /// The text of a gate file that replaces the scenario's.
    pub gate: Option<String>,
    /// An AppSpec file in place of the scenario's.
    pub appspec: Option<AppSpec>,
    /// What ids are made from; left out, from the clock. The same seed gives the same ids.
    pub seed: Option<u64>,
    /// Keeps what the functions and AWS say to each other.
    pub recorder: Option<Recorder>,
}
