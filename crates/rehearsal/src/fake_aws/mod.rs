//! A fake AWS on loopback. All services share one port and are distinguished by their requests, as AWS's own are.
//!
//! Each operation is one function that takes the world and an input and returns an output. Inputs and outputs are JSON
//! values with the members of the service model; [`protocol`] reads and writes the wire formats. An operation that is
//! not implemented here gets the error that AWS returns for an unknown operation, and is listed in the report.

mod client_requests;
mod foreign_functions;
mod protocol;
mod services;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use lifecycle::{Hook, Status};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub use self::protocol::{
    call_log::StatusPut,
    record::{Exchange, Recorder, SentReply, SentRequest},
};
use self::{
    client_requests::ClientRequests,
    foreign_functions::ForeignFunctions,
    protocol::{
        Call, OperationResult,
        call_log::{CallLog, ExecutionOwner, LoggedCall},
        inject::inject,
        limits, request, response, text,
    },
    services::{
        cloudformation, cloudwatch, codedeploy, ec2, ecr, ecs, elb, iam, lambda, logs, s3, secretsmanager, ssm, tag,
    },
};
pub(crate) use self::{client_requests::RequestedDeployment, protocol::call_log::PUT_STATUS};
use crate::{
    http::{FaultyResponse, Request, ServerHandle, serve_at},
    lambda::FunctionName,
    scenario::InjectedFault,
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
    pub foreign_functions: ForeignFunctions,
    /// What clients ask CodeDeploy for.
    pub client_requests: ClientRequests,
    /// Is notified when anyone puts the status of a lifecycle event.
    pub status_put: Notify,
}

impl FakeAws {
    pub fn new(world: World, faults: Vec<InjectedFault>) -> Self {
        Self::with_services(vec![world], faults)
    }

    /// Creates an account with several services, with one world for each.
    pub fn with_services(worlds: Vec<World>, faults: Vec<InjectedFault>) -> Self {
        let worlds = worlds.into_iter().map(Mutex::new).collect();
        Self {
            worlds,
            call_log: Mutex::default(),
            faults,
            recorder: None,
            foreign_functions: ForeignFunctions::default(),
            client_requests: ClientRequests::default(),
            status_put: Notify::new(),
        }
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

    /// Serves the operations on a free port, and returns the port.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<(u16, ServerHandle)> {
        self.serve_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves the operations at an address, and returns the port.
    pub async fn serve_at(self: &Arc<Self>, address: SocketAddr) -> std::io::Result<(u16, ServerHandle)> {
        let aws = self.clone();
        serve_at(address, move |request| {
            let aws = aws.clone();
            async move { aws.respond(request).await }
        })
        .await
    }

    async fn respond(&self, request: Request) -> FaultyResponse {
        let call = request::read(&request);
        let name = call.as_ref().map_or_else(|| request::unread_name(&request), Call::name);
        let reply = match &call {
            Some(call) => self.respond_to_call(call, &request).await,
            None => {
                self.call_log().unknown.insert(name.clone());
                response::unknown_request(&name).into()
            }
        };
        if let Some(recorder) = &self.recorder {
            let is_simulated = !self.call_log().unknown.contains(&name);
            recorder.record(name, is_simulated, SentRequest::from(&request), &reply).await;
        }
        reply
    }

    async fn respond_to_call(&self, call: &Call, request: &Request) -> FaultyResponse {
        let whose = self.execution_owner(text(&call.input, "lifecycleEventHookExecutionId"));
        let hook = whose.as_ref().and_then(|(_, event)| Hook::from_event_name(event));
        let caller = FunctionName::from_authorization(request.header("authorization"))
            .or_else(|| self.foreign_functions.caller(request.header("user-agent"), hook.map(FunctionName::from)));
        if caller.is_some_and(|caller| self.foreign_functions.has_ended(caller)) {
            return response::write(call, Err(call.protocol.ended_function())).into();
        }
        let entry = self.call_log().record_call(call, caller, whose, &self.faults);
        let reply = match &entry.fault {
            None => response::write(call, self.execute(call, &entry)).into(),
            Some(fault) => inject(call, fault, || self.execute(call, &entry)).await,
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
        status: Status,
    ) -> Result<Status, StatusRejected> {
        let whose = self.execution_owner(execution);
        let at = self.call_log().record_put(whose, by, status.as_str().to_owned(), None);
        let mut world = self.world_where(|world| world.owns(deployment));
        let taken = world.put_status(deployment, execution, status.as_str(), SystemTime::now())?;
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

    /// The hook to which an execution belongs, if CodeDeploy ever issued the id.
    pub fn hook_of_execution(&self, id: &str) -> Option<Hook> {
        let (_, event) = self.execution_owner(id)?;
        Hook::from_event_name(&event)
    }

    /// Executes the operation and logs whether it took effect.
    fn execute(&self, call: &Call, entry: &LoggedCall) -> OperationResult {
        let answer = limits::check(call).err().map(Err).or_else(|| self.dispatch(call)).unwrap_or_else(|| {
            self.call_log().unknown.insert(call.name());
            Err(call.protocol.unknown_operation(&call.name()))
        });
        if answer.is_ok() {
            self.call_log().mark_effective(entry);
        }
        answer
    }

    /// Creates a deployment for a client, and passes it to the simulated CodeDeploy.
    fn create_deployment(&self, world: &mut World, input: &Value) -> OperationResult {
        let request = codedeploy::read_create_deployment(world, input)?;
        let Some(codedeploy) = self.client_requests.take_next() else {
            return Err(codedeploy::already_active(world));
        };
        let requested = codedeploy::create_deployment(world, request);
        let output = json!({ "deploymentId": requested.id });
        // The receiver is gone only when the whole world is.
        let _ = codedeploy.send(requested);
        Ok(output)
    }

    /// Asks the simulated CodeDeploy to stop a deployment.
    fn stop_deployment(&self, world: &World, input: &Value) -> OperationResult {
        let (id, roll_back) = codedeploy::read_stop_deployment(world, input)?;
        self.client_requests.stop(&id, roll_back);
        self.status_put.notify_one();
        Ok(codedeploy::stop_accepted())
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
            ("codedeploy", "CreateDeployment") => self.create_deployment(&mut world, input),
            ("codedeploy", "StopDeployment") => self.stop_deployment(&world, input),
            ("codedeploy", "ListDeployments") => codedeploy::list_deployments(&world, input),
            ("codedeploy", "GetApplication") => codedeploy::get_application(&world, input),
            ("codedeploy", "GetApplicationRevision") => codedeploy::get_application_revision(&world, input),
            ("ecs", "DescribeServices") => ecs::describe_services(&world, input),
            ("ecs", "ListTasks") => ecs::list_tasks(&world, input),
            ("ecs", "DescribeTasks") => ecs::describe_tasks(&world, input),
            ("ecs", "RegisterTaskDefinition") => ecs::register_task_definition(&mut world, input),
            ("ecs", "DescribeTaskDefinition") => ecs::describe_task_definition(&world, input),
            ("elasticloadbalancing", "DescribeTargetGroups") => elb::describe_target_groups(&world, input),
            ("elasticloadbalancing", "DescribeTargetHealth") => elb::describe_target_health(&world, input),
            ("elasticloadbalancing", "DescribeListeners") => elb::describe_listeners(&world, input),
            ("elasticloadbalancing", "DescribeRules") => elb::describe_rules(&world, input),
            ("elasticloadbalancing", "DescribeLoadBalancers") => elb::describe_load_balancers(&world, input),
            ("cloudformation", "DescribeStacks") => cloudformation::describe_stacks(&world, input),
            ("cloudwatch", "DescribeAlarms") => cloudwatch::describe_alarms(&world, input),
            ("cloudwatch", "DescribeAlarmHistory") => cloudwatch::describe_alarm_history(&world, input),
            ("logs", "DescribeLogGroups") => logs::describe_log_groups(&world, input),
            ("ec2", "DescribeSubnets") => ec2::describe_subnets(&world, input),
            ("ec2", "DescribeRouteTables") => ec2::describe_route_tables(&world, input),
            ("ec2", "DescribeSecurityGroups") => ec2::describe_security_groups(&world, input),
            ("ec2", "DescribeVpcEndpoints") => ec2::describe_vpc_endpoints(&world, input),
            ("lambda", "GetFunctionConfiguration") => lambda::get_function_configuration(&world, input),
            ("lambda", "GetFunctionEventInvokeConfig") => lambda::get_function_event_invoke_config(&world, input),
            ("iam", "SimulatePrincipalPolicy") => iam::simulate_principal_policy(&world, input),
            ("iam", "GetRole") => iam::get_role(&world, input),
            ("ssm", "GetParameter") => ssm::get_parameter(&world, input),
            ("ssm", "GetParameters") => ssm::get_parameters(&world, input),
            ("secretsmanager", "DescribeSecret") => secretsmanager::describe_secret(&world, input),
            ("secretsmanager", "GetSecretValue") => secretsmanager::get_secret_value(&world, input),
            ("ecr", "DescribeImages") => ecr::describe_images(&world, input),
            ("tag", "GetResources") => tag::get_resources(&world, input),
            ("s3", "GetObject") => s3::get_object(&world, input),
            _ => return None,
        })
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
