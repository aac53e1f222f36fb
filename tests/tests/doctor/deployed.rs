//! Worlds as `make deploy` creates them: functions, settings and roles are those of infra/template.yaml.

use greenlight_tests::infra::{ALL_PARAMETERS, SamTemplate, Stack, logical_id};
use rehearsal::{
    FunctionName,
    world::{AllowStatement, EventSettings, World},
};

use super::worlds::{GATE, no_nat_gateway, rename_function, store_gate, with_full_gate};

/// The stack without a gate file.
pub fn plain(world: &mut World) {
    deployed(world, &[("Application", "shop"), ("Cluster", "shop")]);
}

/// The stack for a gate file that refers to every kind of resource, with the narrowest parameters that work.
pub fn narrowest(world: &mut World) {
    with_full_gate(world);
    store_gate(world, GATE);
    deployed(
        world,
        &[
            ("Application", "shop"),
            ("DeploymentGroup", "web"),
            ("Cluster", "shop"),
            ("Service", "web"),
            ("GateSource", "ssm"),
            ("GateParameter", "/greenlight/{application}"),
            ("SecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/web/api-key-??????"),
            ("SecretParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/web/db-password"),
            ("AlarmsByTag", "yes"),
        ],
    );
}

/// The stack with every permission that it can grant, in a VPC without a route to the internet.
pub fn widest(world: &mut World) {
    no_nat_gateway(world);
    let own = ALL_PARAMETERS.into_iter().filter(|(name, _)| !["Cluster", "Service"].contains(name));
    let own: Vec<_> = own.chain([("Cluster", "shop"), ("Service", "web")]).collect();
    deployed(world, &own);
}

fn deployed(world: &mut World, parameters: &[(&str, &str)]) {
    let stack = SamTemplate::read().instantiate(parameters.iter().copied()).unwrap();
    // As in the template, an alarm is named after its function.
    for alarm in &mut world.stack_alarms {
        alarm.name = alarm.name.replace("CodeDeployHook_", "CodeDeployHook_greenlight-");
    }
    for function in FunctionName::all_functions() {
        let id = logical_id(function);
        let name = stack.function(function)["FunctionName"].as_str().unwrap().to_owned();
        let mut own = world.account.functions.remove(&function.lambda_name()).unwrap();
        own.events = [("$LATEST".to_owned(), event_settings(&stack, &id))].into();
        own.role = name.clone();
        world.account.permissions.remove(function.program_name());
        world.account.permissions.insert(name.clone(), allow_statements(&stack, function));
        world.account.functions.insert(name.clone(), own);
        if let FunctionName::Hook(_) = function {
            rename_function(world, &format!(" {}\n", function.lambda_name()), &format!(" {name}\n"));
        }
    }
    // As AWSCodeDeployRoleForECSLimited allows it.
    let invoke = AllowStatement::new("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:CodeDeployHook_*");
    world.account.permissions.insert("CodeDeployForECS".into(), vec![invoke]);
}

fn event_settings(stack: &Stack, id: &str) -> EventSettings {
    let set = stack.properties(&format!("{id}Events"));
    let number = |name: &str| u32::try_from(set[name].as_u64().unwrap()).unwrap();
    let destination = set["DestinationConfig"]["OnFailure"]["Destination"].as_str();
    EventSettings {
        retries: number("MaximumRetryAttempts"),
        age: number("MaximumEventAgeInSeconds"),
        on_failure: destination.map(str::to_owned),
    }
}

/// The statements of a function's role: one for each action, resource and condition value.
fn allow_statements(stack: &Stack, function: FunctionName) -> Vec<AllowStatement> {
    let mut statements = Vec::new();
    for statement in stack.role_statements(function).into_iter().filter(|statement| statement.effect == "Allow") {
        let conditions = statement.condition.as_object().into_iter().flatten();
        let keys: Vec<_> = conditions.flat_map(|(_, keys)| keys.as_object().into_iter().flatten()).collect();
        for (action, resource) in
            statement.actions.iter().flat_map(|it| statement.resources.iter().map(move |on| (it, on)))
        {
            let own = AllowStatement::new(action, resource);
            match keys.as_slice() {
                [] => statements.push(own),
                [(key, value)] => {
                    let values = value.as_array().map_or(std::slice::from_ref(*value), Vec::as_slice);
                    statements.extend(values.iter().map(|value| own.clone().when(key, value.as_str().unwrap())));
                }
                more => panic!("{}: {more:?}", statement.sid),
            }
        }
    }
    statements
}
