//! AWS on loopback: all services on one port, told apart as the real ones' requests are.
//!
//! Each operation is one function from the world and an input to an output, both as JSON values with the members of
//! the service model; [`wire`] reads and writes the protocols. What is not here is answered as AWS answers an
//! operation that it does not know, and listed.

mod account;
mod cloudformation;
mod cloudwatch;
mod codedeploy;
mod ec2;
mod ecs;
mod elb;
mod iam;
mod lambda;
mod ledger;
mod limits;
mod record;
mod trouble;
mod wire;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_account;
#[cfg(test)]
mod tests_trouble;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use serde_json::Value;
use tokio::sync::Notify;

pub use self::{
    ledger::Put,
    record::{Exchange, Recorder, SentReply, SentRequest},
};
use self::{
    ledger::{Entry, Ledger, Whose},
    wire::{Call, Protocol},
};
use crate::{
    exchange::{Reply, Request},
    fault::Fault,
    function_name::FunctionName,
    report,
    world::{PutFault, World},
};

/// The world behind the AWS operations, and a record of what was called.
#[derive(Debug)]
pub(crate) struct Cloud {
    /// One for each service of the account.
    worlds: Vec<Mutex<World>>,
    ledger: Mutex<Ledger>,
    faults: Vec<Fault>,
    recorder: Option<Recorder>,
    /// Somebody put the status of a lifecycle event.
    pub put: Notify,
}

/// What an operation gives.
type Answer = Result<Value, Problem>;

/// An error of AWS's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    code: &'static str,
    message: String,
    status: u16,
}

impl Problem {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// Whose fault it is.
    fn blame(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}

impl Cloud {
    pub fn new(world: World, faults: Vec<Fault>) -> Self {
        Self::of(vec![world], faults)
    }

    /// An account with several services.
    pub fn of(worlds: Vec<World>, faults: Vec<Fault>) -> Self {
        let worlds = worlds.into_iter().map(Mutex::new).collect();
        Self { worlds, ledger: Mutex::default(), faults, recorder: None, put: Notify::new() }
    }

    /// Keeps every exchange, if there is a recorder.
    pub fn recorded(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// The world of the (first) service, as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world_at(0)
    }

    /// The world of one service, as it is now.
    pub fn world_at(&self, index: usize) -> MutexGuard<'_, World> {
        // A world in which a panic happened is still the best there is; the panic itself is told elsewhere.
        let mut world = self.worlds[index].lock().unwrap_or_else(PoisonError::into_inner);
        world.settle(SystemTime::now());
        world
    }

    /// The first world that `is_it`; the first of all, if none is.
    pub fn world_where(&self, is_it: impl Fn(&World) -> bool) -> MutexGuard<'_, World> {
        let found = (1..self.worlds.len()).find(|index| is_it(&self.world_at(*index)));
        self.world_at(found.unwrap_or(0))
    }

    /// How many calls each operation got.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.ledger().calls.clone()
    }

    /// How many good replies of each operation went out.
    pub fn good_replies(&self) -> BTreeMap<String, u64> {
        self.ledger().good_replies.clone()
    }

    /// Every status that was put, in order.
    pub fn puts(&self, since: Instant) -> Vec<Put> {
        self.ledger().puts(since)
    }

    /// What was called and is not here.
    pub fn unknown(&self) -> Vec<String> {
        self.ledger().unknown.iter().cloned().collect()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request) -> Reply {
        let call = wire::read(&request);
        let name = call.as_ref().map_or_else(
            || format!("?:{} {}", request.method, request.path.split('?').next().unwrap_or_default()),
            Call::name,
        );
        let reply = match &call {
            Some(call) => self.answer_call(call, FunctionName::by_credentials(request.header("authorization"))).await,
            None => {
                self.ledger().unknown.insert(name.clone());
                wire::unreadable().into()
            }
        };
        if let Some(recorder) = &self.recorder {
            recorder.keep(name, SentRequest::from(&request), &reply).await;
        }
        reply
    }

    async fn answer_call(&self, call: &Call, caller: Option<FunctionName>) -> Reply {
        let whose = self.whose(text(&call.input, "lifecycleEventHookExecutionId"));
        let entry = self.ledger().enter(call, caller, whose, &self.faults);
        let reply = match &entry.fault {
            None => wire::write(call, self.handle(call, &entry)).into(),
            Some(fault) => self.strike(call, fault, &entry).await,
        };
        if reply.is_good() {
            self.ledger().replied(&entry);
        }
        reply
    }

    /// Puts a status for somebody who does not come over the wire.
    ///
    /// # Errors
    /// As CodeDeploy would refuse it.
    pub fn put_for(
        &self,
        by: Option<FunctionName>,
        deployment: &str,
        execution: &str,
        status: &str,
    ) -> Result<report::Answer, PutFault> {
        let whose = self.whose(execution);
        let at = self.ledger().note(whose, by, status.to_owned(), None);
        let mut world = self.world_where(|world| world.owns(deployment));
        let taken = world.put(deployment, execution, status, SystemTime::now())?;
        self.ledger().was_taken(at);
        Ok(taken)
    }

    /// The execution with this id, if CodeDeploy ever gave it.
    fn whose(&self, id: &str) -> Whose {
        let it = |world: &World| {
            let found = world.executions.iter().find(|it| it.id == id)?;
            Some((found.deployment.clone(), found.event.clone()))
        };
        (0..self.worlds.len()).find_map(|index| it(&self.world_at(index))).filter(|_| !id.is_empty())
    }

    /// Does what is called for, and notes what it did.
    fn handle(&self, call: &Call, entry: &Entry) -> Answer {
        let answer = limits::check(call).err().map(Err).or_else(|| self.operate(call)).unwrap_or_else(|| {
            self.ledger().unknown.insert(call.name());
            Err(call.protocol.unknown(&call.operation))
        });
        if answer.is_ok() {
            self.ledger().took_effect(entry);
        }
        answer
    }

    /// One line for each operation there is.
    fn operate(&self, call: &Call) -> Option<Answer> {
        let input = &call.input;
        let mut words = Vec::new();
        words_of(input, &mut words);
        let mut world = self.world_where(|world| words.iter().any(|word| world.owns(word)));
        Some(match (call.service.as_str(), call.operation.as_str()) {
            ("codedeploy", "GetDeployment") => codedeploy::get_deployment(&world, input),
            ("codedeploy", "GetDeploymentGroup") => codedeploy::get_deployment_group(&world, input),
            ("codedeploy", "ListDeploymentTargets") => codedeploy::list_deployment_targets(&world, input),
            ("codedeploy", "GetDeploymentTarget") => codedeploy::get_deployment_target(&world, input),
            ("codedeploy", "PutLifecycleEventHookExecutionStatus") => {
                let answer = codedeploy::put_status(&mut world, input);
                self.put.notify_one();
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
            ("logs", "DescribeLogGroups") => account::describe_log_groups(&world, input),
            ("ec2", "DescribeSubnets") => ec2::describe_subnets(&world, input),
            ("ec2", "DescribeRouteTables") => ec2::describe_route_tables(&world, input),
            ("ec2", "DescribeSecurityGroups") => ec2::describe_security_groups(&world, input),
            ("ec2", "DescribeVpcEndpoints") => ec2::describe_vpc_endpoints(&world, input),
            ("lambda", "GetFunctionConfiguration") => lambda::get_function_configuration(&world, input),
            ("lambda", "GetFunctionEventInvokeConfig") => lambda::get_function_event_invoke_config(&world, input),
            ("iam", "SimulatePrincipalPolicy") => iam::simulate_principal_policy(&world, input),
            ("iam", "GetRole") => account::get_role(&world, input),
            ("ssm", "GetParameter") => account::get_parameter(&world, input),
            ("ssm", "GetParameters") => account::get_parameters(&world, input),
            ("secretsmanager", "DescribeSecret") => account::describe_secret(&world, input),
            ("secretsmanager", "GetSecretValue") => account::get_secret_value(&world, input),
            ("ecr", "DescribeImages") => account::describe_images(&world, input),
            ("tag", "GetResources") => account::get_resources(&world, input),
            ("s3", "GetObject") => account::get_object(&world, input),
            _ => return None,
        })
    }
}

impl Protocol {
    fn unknown(self, operation: &str) -> Problem {
        match self {
            Self::Query | Self::Ec2 => {
                Problem::new("InvalidAction", format!("The action {operation} is not valid for this web service."))
            }
            Self::RestJson => Problem { status: 404, ..Problem::new("ResourceNotFoundException", "") },
            Self::Rest => {
                Problem { status: 405, ..Problem::new("MethodNotAllowed", "The specified method is not allowed.") }
            }
            Self::Json(_) => Problem::new("UnknownOperationException", ""),
            Self::Cbor => Problem { status: 404, ..Problem::new("UnknownOperationException", "") },
        }
    }
}

/// All texts of an input.
fn words_of<'a>(input: &'a Value, words: &mut Vec<&'a str>) {
    match input {
        Value::String(word) => words.push(word),
        Value::Array(items) => items.iter().for_each(|item| words_of(item, words)),
        Value::Object(members) => members.values().for_each(|member| words_of(member, words)),
        _ => {}
    }
}

/// A member of an input that is a text; empty when it is not there.
fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A member of an input that is a list of texts.
fn texts<'a>(input: &'a Value, member: &str) -> Vec<&'a str> {
    input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A member of an input that is a number; a query has it as a text.
fn number(input: &Value, member: &str) -> Option<usize> {
    let value = input.get(member)?;
    value.as_u64().and_then(|it| it.try_into().ok()).or_else(|| value.as_str()?.parse().ok())
}

/// An output without the members that are not there.
fn sparse(mut output: Value) -> Value {
    match &mut output {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(|value| *value = sparse(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = sparse(value.take())),
        _ => {}
    }
    output
}
