//! AWS on loopback: all services on one port, told apart as the real ones' requests are.
//!
//! Each operation is one function from the world and an input to an output, both as JSON values with the members of
//! the service model; [`wire`] reads and writes the protocols. What is not here is answered as AWS answers an
//! operation that it does not know, and listed.

mod cloudwatch;
mod codedeploy;
mod ecs;
mod elb;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde_json::Value;
use tokio::sync::Notify;

use self::wire::{Call, Protocol};
use crate::{
    exchange::{Reply, Request},
    fault::{Fault, STALL, Trouble},
    world::World,
};

/// The world behind the AWS operations, and a record of what was called.
#[derive(Debug)]
pub(crate) struct Cloud {
    world: Mutex<World>,
    ledger: Mutex<Ledger>,
    faults: Vec<Fault>,
    /// Somebody put the status of a lifecycle event.
    pub put: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    calls: BTreeMap<String, u64>,
    unknown: BTreeSet<String>,
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
}

impl Cloud {
    pub fn new(world: World, faults: Vec<Fault>) -> Self {
        Self { world: Mutex::new(world), ledger: Mutex::default(), faults, put: Notify::new() }
    }

    /// The world as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A world in which a panic happened is still the best there is; the panic itself is told elsewhere.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.settle(SystemTime::now());
        world
    }

    /// How many calls each operation got.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.ledger().calls.clone()
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
        let Some(call) = wire::read(&request) else {
            let name = format!("?:{} {}", request.method, request.path.split('?').next().unwrap_or_default());
            self.ledger().unknown.insert(name);
            return Some(wire::unreadable());
        };
        let name = call.name();
        let trouble = self.count(&name);
        let before = trouble.filter(|trouble| !trouble.after_handling());
        let refusal = match before {
            Some(Trouble::HangUp) => return None,
            Some(Trouble::Stall) => {
                tokio::time::sleep(STALL).await;
                None
            }
            Some(trouble) => call.protocol.refusal(trouble),
            None => None,
        };
        let answer = match refusal {
            Some(problem) => Err(problem),
            None => self.handle(&call).await,
        };
        if trouble == Some(Trouble::LoseReply) {
            return None;
        }
        Some(wire::write(&call, answer, trouble == Some(Trouble::Malform)))
    }

    /// Counts a call, and gives what is to go wrong with it.
    fn count(&self, name: &str) -> Option<Trouble> {
        let mut ledger = self.ledger();
        let nth = ledger.calls.entry(name.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        self.faults.iter().find(|fault| fault.strikes(name, nth)).map(|fault| fault.trouble)
    }

    async fn handle(&self, call: &Call) -> Answer {
        let answer = self.operate(call);
        match answer {
            Some(answer) => answer,
            None => {
                self.ledger().unknown.insert(call.name());
                Err(call.protocol.unknown(&call.operation))
            }
        }
    }

    /// One line for each operation there is.
    fn operate(&self, call: &Call) -> Option<Answer> {
        let input = &call.input;
        let mut world = self.world();
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
            ("ecs", "DescribeServices") => ecs::describe_services(&world, input),
            ("ecs", "ListTasks") => ecs::list_tasks(&world, input),
            ("ecs", "DescribeTasks") => ecs::describe_tasks(&world, input),
            ("ecs", "DescribeTaskDefinition") => ecs::describe_task_definition(&world, input),
            ("elasticloadbalancing", "DescribeTargetGroups") => elb::describe_target_groups(&world, input),
            ("elasticloadbalancing", "DescribeTargetHealth") => elb::describe_target_health(&world, input),
            ("elasticloadbalancing", "DescribeListeners") => elb::describe_listeners(&world, input),
            ("elasticloadbalancing", "DescribeRules") => elb::describe_rules(&world, input),
            ("elasticloadbalancing", "DescribeLoadBalancers") => elb::describe_load_balancers(&world, input),
            ("cloudwatch", "DescribeAlarms") => cloudwatch::describe_alarms(&world, input),
            _ => return None,
        })
    }
}

impl Protocol {
    /// What AWS says when it does not do what it is asked.
    fn refusal(self, trouble: Trouble) -> Option<Problem> {
        let (code, message, status) = match (trouble, self) {
            (Trouble::Throttle, Self::Query) => ("Throttling", "Rate exceeded", 400),
            (Trouble::Throttle, _) => ("ThrottlingException", "Rate exceeded", 400),
            (Trouble::Deny, Self::Query | Self::Cbor) => ("AccessDenied", DENIED, 403),
            (Trouble::Deny, _) => ("AccessDeniedException", DENIED, 400),
            (Trouble::Fail, _) => {
                ("InternalFailure", "The request processing has failed because of an unknown error.", 500)
            }
            _ => return None,
        };
        Some(Problem { code, message: message.to_owned(), status })
    }

    fn unknown(self, operation: &str) -> Problem {
        match self {
            Self::Query => {
                Problem::new("InvalidAction", format!("The action {operation} is not valid for this web service."))
            }
            Self::Json(_) => Problem::new("UnknownOperationException", ""),
            Self::Cbor => Problem { status: 404, ..Problem::new("UnknownOperationException", "") },
        }
    }
}

const DENIED: &str = "User: arn:aws:sts::111122223333:assumed-role/CodeDeployHook/rehearsal is not authorized to perform this \
                      action because no identity-based policy allows it";

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
