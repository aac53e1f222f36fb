//! A fake AWS on loopback. All services share one port and are distinguished by their requests, as AWS's own are.
//!
//! Each operation is one function that takes the world and an input and returns an output. Inputs and outputs are JSON
//! values with the members of the service model; [`protocol`] reads and writes the wire formats. An operation that is
//! not implemented here gets the error that AWS returns for an unknown operation, and is listed in the report.

mod call_log;
mod cloudformation;
mod cloudwatch;
mod codedeploy;
mod ec2;
mod ecs;
mod elb;
mod iam;
mod inject;
mod lambda;
mod limits;
mod other_services;
mod protocol;
mod record;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_inject;
#[cfg(test)]
mod tests_other_services;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use serde_json::Value;
use tokio::sync::Notify;

pub use self::{
    call_log::StatusPut,
    record::{Exchange, Recorder, SentReply, SentRequest},
};
use self::{
    call_log::{CallLog, ExecutionOwner, LoggedCall},
    protocol::{AwsProtocol, Call},
};
use crate::{
    fault::InjectedFault,
    function_name::FunctionName,
    http_server::{FaultyResponse, Request},
    report,
    world::{StatusRejected, World},
};

/// The worlds behind the AWS operations, and a log of the calls.
#[derive(Debug)]
pub(crate) struct FakeAws {
    /// One for each service of the account.
    worlds: Vec<Mutex<World>>,
    call_log: Mutex<CallLog>,
    faults: Vec<InjectedFault>,
    recorder: Option<Recorder>,
    /// Is notified when anyone puts the status of a lifecycle event.
    pub status_put: Notify,
}

type OperationResult = Result<Value, ApiError>;

/// An error that AWS returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: &'static str,
    message: String,
    status: u16,
}

impl ApiError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// AWS's word for the side at fault: the caller or the service.
    fn fault_side(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}

impl FakeAws {
    pub fn new(world: World, faults: Vec<InjectedFault>) -> Self {
        Self::with_services(vec![world], faults)
    }

    /// Creates an account with several services, with one world for each.
    pub fn with_services(worlds: Vec<World>, faults: Vec<InjectedFault>) -> Self {
        let worlds = worlds.into_iter().map(Mutex::new).collect();
        Self { worlds, call_log: Mutex::default(), faults, recorder: None, status_put: Notify::new() }
    }

    /// Records every exchange, if there is a recorder.
    pub fn with_recorder(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// The world of the first service, as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world_at(0)
    }

    /// The world of one service, as it is now.
    pub fn world_at(&self, index: usize) -> MutexGuard<'_, World> {
        // After a panic this world is still the best available. The panic itself is reported elsewhere.
        let mut world = self.worlds[index].lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(SystemTime::now());
        world
    }

    /// The first world for which `is_it` is true, or the first of all if there is none.
    pub fn world_where(&self, is_it: impl Fn(&World) -> bool) -> MutexGuard<'_, World> {
        let found = (1..self.worlds.len()).find(|index| is_it(&self.world_at(*index)));
        self.world_at(found.unwrap_or(0))
    }

    /// The number of calls of each operation.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.call_log().calls.clone()
    }

    /// The number of successful replies that each operation sent.
    pub fn good_replies(&self) -> BTreeMap<String, u64> {
        self.call_log().good_replies.clone()
    }

    /// Every status that was put, in order.
    pub fn puts(&self, since: Instant) -> Vec<StatusPut> {
        self.call_log().puts(since)
    }

    /// The operations that were called and are not implemented here.
    pub fn unknown_operations(&self) -> Vec<String> {
        self.call_log().unknown.iter().cloned().collect()
    }

    fn call_log(&self) -> MutexGuard<'_, CallLog> {
        self.call_log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn respond(&self, request: Request) -> FaultyResponse {
        let call = protocol::read(&request);
        let name = call.as_ref().map_or_else(
            || format!("?:{} {}", request.method, request.path.split('?').next().unwrap_or_default()),
            Call::name,
        );
        let reply = match &call {
            Some(call) => {
                self.respond_to_call(call, FunctionName::from_authorization(request.header("authorization"))).await
            }
            None => {
                self.call_log().unknown.insert(name.clone());
                protocol::unknown_request().into()
            }
        };
        if let Some(recorder) = &self.recorder {
            recorder.record(name, SentRequest::from(&request), &reply).await;
        }
        reply
    }

    async fn respond_to_call(&self, call: &Call, caller: Option<FunctionName>) -> FaultyResponse {
        let whose = self.execution_owner(text(&call.input, "lifecycleEventHookExecutionId"));
        let entry = self.call_log().record_call(call, caller, whose, &self.faults);
        let reply = match &entry.fault {
            None => protocol::write(call, self.execute(call, &entry)).into(),
            Some(fault) => self.inject(call, fault, &entry).await,
        };
        if reply.is_good() {
            self.call_log().mark_replied(&entry);
        }
        reply
    }

    /// Puts a status on behalf of `by`, without a request over the wire.
    ///
    /// # Errors
    /// If CodeDeploy would refuse the status.
    pub fn put_status_for(
        &self,
        by: Option<FunctionName>,
        deployment: &str,
        execution: &str,
        status: &str,
    ) -> Result<report::HookStatus, StatusRejected> {
        let whose = self.execution_owner(execution);
        let at = self.call_log().record_put(whose, by, status.to_owned(), None);
        let mut world = self.world_where(|world| world.owns(deployment));
        let taken = world.put_status(deployment, execution, status, SystemTime::now())?;
        self.call_log().mark_taken(at);
        Ok(taken)
    }

    /// The execution with this id, if CodeDeploy ever issued the id.
    fn execution_owner(&self, id: &str) -> ExecutionOwner {
        let owner_in = |world: &World| {
            let found = world.executions.iter().find(|it| it.id == id)?;
            Some((found.deployment.clone(), found.event.clone()))
        };
        (0..self.worlds.len()).find_map(|index| owner_in(&self.world_at(index))).filter(|_| !id.is_empty())
    }

    /// Executes the operation and logs whether it took effect.
    fn execute(&self, call: &Call, entry: &LoggedCall) -> OperationResult {
        let answer = limits::check(call).err().map(Err).or_else(|| self.dispatch(call)).unwrap_or_else(|| {
            self.call_log().unknown.insert(call.name());
            Err(call.protocol.unknown_operation(&call.operation))
        });
        if answer.is_ok() {
            self.call_log().mark_effective(entry);
        }
        answer
    }

    /// Calls the function of an operation. `None` if the operation is not implemented.
    fn dispatch(&self, call: &Call) -> Option<OperationResult> {
        let input = &call.input;
        let mut strings = Vec::new();
        all_strings(input, &mut strings);
        let mut world = self.world_where(|world| strings.iter().any(|word| world.owns(word)));
        Some(match (call.service.as_str(), call.operation.as_str()) {
            ("codedeploy", "GetDeployment") => codedeploy::get_deployment(&world, input),
            ("codedeploy", "GetDeploymentGroup") => codedeploy::get_deployment_group(&world, input),
            ("codedeploy", "ListDeploymentTargets") => codedeploy::list_deployment_targets(&world, input),
            ("codedeploy", "GetDeploymentTarget") => codedeploy::get_deployment_target(&world, input),
            ("codedeploy", "PutLifecycleEventHookExecutionStatus") => {
                let answer = codedeploy::put_status(&mut world, input);
                self.status_put.notify_one();
                answer
            }
            ("codedeploy", "GetApplicationRevision") => codedeploy::get_application_revision(&world, input),
            ("ecs", "DescribeServices") => ecs::describe_services(&world, input),
            ("ecs", "ListTasks") => ecs::list_tasks(&world, input),
            ("ecs", "DescribeTasks") => ecs::describe_tasks(&world, input),
            ("ecs", "DescribeTaskDefinition") => ecs::describe_task_definition(&world, input),
            ("elasticloadbalancing", "DescribeTargetGroups") => elb::describe_target_groups(&world, input),
            ("elasticloadbalancing", "DescribeTargetHealth") => elb::describe_target_health(&world, input),
            ("elasticloadbalancing", "DescribeListeners") => elb::describe_listeners(&world, input),
            ("elasticloadbalancing", "DescribeRules") => elb::describe_rules(&world, input),
            ("elasticloadbalancing", "DescribeLoadBalancers") => elb::describe_load_balancers(&world, input),
            ("cloudformation", "DescribeStacks") => cloudformation::describe_stacks(&world, input),
            ("cloudwatch", "DescribeAlarms") => cloudwatch::describe_alarms(&world, input),
            ("cloudwatch", "DescribeAlarmHistory") => cloudwatch::describe_alarm_history(&world, input),
            ("logs", "DescribeLogGroups") => other_services::describe_log_groups(&world, input),
            ("ec2", "DescribeSubnets") => ec2::describe_subnets(&world, input),
            ("ec2", "DescribeRouteTables") => ec2::describe_route_tables(&world, input),
            ("ec2", "DescribeSecurityGroups") => ec2::describe_security_groups(&world, input),
            ("ec2", "DescribeVpcEndpoints") => ec2::describe_vpc_endpoints(&world, input),
            ("lambda", "GetFunctionConfiguration") => lambda::get_function_configuration(&world, input),
            ("lambda", "GetFunctionEventInvokeConfig") => lambda::get_function_event_invoke_config(&world, input),
            ("iam", "SimulatePrincipalPolicy") => iam::simulate_principal_policy(&world, input),
            ("iam", "GetRole") => other_services::get_role(&world, input),
            ("ssm", "GetParameter") => other_services::get_parameter(&world, input),
            ("ssm", "GetParameters") => other_services::get_parameters(&world, input),
            ("secretsmanager", "DescribeSecret") => other_services::describe_secret(&world, input),
            ("secretsmanager", "GetSecretValue") => other_services::get_secret_value(&world, input),
            ("ecr", "DescribeImages") => other_services::describe_images(&world, input),
            ("tag", "GetResources") => other_services::get_resources(&world, input),
            ("s3", "GetObject") => other_services::get_object(&world, input),
            _ => return None,
        })
    }
}

impl AwsProtocol {
    fn unknown_operation(self, operation: &str) -> ApiError {
        match self {
            Self::Query | Self::Ec2 => {
                ApiError::new("InvalidAction", format!("The action {operation} is not valid for this web service."))
            }
            Self::RestJson => ApiError { status: 404, ..ApiError::new("ResourceNotFoundException", "") },
            Self::Rest => {
                ApiError { status: 405, ..ApiError::new("MethodNotAllowed", "The specified method is not allowed.") }
            }
            Self::Json(_) => ApiError::new("UnknownOperationException", ""),
            Self::Cbor => ApiError { status: 404, ..ApiError::new("UnknownOperationException", "") },
        }
    }
}

/// Collects all strings in an input.
fn all_strings<'a>(input: &'a Value, words: &mut Vec<&'a str>) {
    match input {
        Value::String(word) => words.push(word),
        Value::Array(items) => items.iter().for_each(|item| all_strings(item, words)),
        Value::Object(members) => members.values().for_each(|member| all_strings(member, words)),
        _ => {}
    }
}

/// A string member of an input; empty if it is missing.
fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A member of an input that is a list of strings; empty if it is missing.
fn texts<'a>(input: &'a Value, member: &str) -> Vec<&'a str> {
    input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A numeric member of an input. A query carries it as a string.
fn number(input: &Value, member: &str) -> Option<usize> {
    let value = input.get(member)?;
    value.as_u64().and_then(|it| it.try_into().ok()).or_else(|| value.as_str()?.parse().ok())
}

/// An output without the members that are null.
fn without_nulls(mut output: Value) -> Value {
    match &mut output {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(|value| *value = without_nulls(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = without_nulls(value.take())),
        _ => {}
    }
    output
}
