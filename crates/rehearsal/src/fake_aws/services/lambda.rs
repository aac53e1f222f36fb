//! Lambda's operations that describe the configuration of a function.

use serde_json::{Value, json};

use crate::{
    fake_aws::protocol::{ApiError, OperationResult, text, without_nulls},
    world::{Function, World, function_arn, role_arn},
};

/// The name of the requested function, which the request gives as a name or an ARN, and the requested qualifier.
fn name_and_qualifier(input: &Value) -> (&str, &str) {
    let name = text(input, "FunctionName");
    let (name, inside) = match name.split_once(":function:") {
        Some((_, name)) => name.split_once(':').unwrap_or((name, "")),
        None => name.split_once(':').unwrap_or((name, "")),
    };
    match text(input, "Qualifier") {
        "" if inside.is_empty() => (name, "$LATEST"),
        "" => (name, inside),
        qualifier => (name, qualifier),
    }
}

fn not_found(what: String) -> ApiError {
    ApiError { status: 404, ..ApiError::new("ResourceNotFoundException", what) }
}

fn function_by_name<'a>(world: &'a World, name: &str) -> Result<&'a Function, ApiError> {
    let function = world.account.functions.get(name);
    function.ok_or_else(|| not_found(format!("Function not found: {}", function_arn(name))))
}

pub(crate) fn get_function_configuration(world: &World, input: &Value) -> OperationResult {
    let (name, qualifier) = name_and_qualifier(input);
    let function = function_by_name(world, name)?;
    let arn = match qualifier {
        "$LATEST" => function_arn(name),
        qualifier => format!("{}:{qualifier}", function_arn(name)),
    };
    let vpc = function.vpc.as_ref().map(|vpc| {
        json!({
            "SubnetIds": vpc.subnets,
            "SecurityGroupIds": vpc.security_groups,
            "VpcId": vpc.id,
            "Ipv6AllowedForDualStack": false,
        })
    });
    Ok(without_nulls(json!({
        "FunctionName": name,
        "FunctionArn": arn,
        "Runtime": "provided.al2023",
        "Role": role_arn(&function.role),
        "Handler": "bootstrap",
        "CodeSize": 4_321_098,
        "Timeout": function.timeout,
        "MemorySize": 256,
        "LastModified": "2026-11-01T10:00:00.000+0000",
        "Version": "$LATEST",
        "VpcConfig": vpc,
        "Environment": (!function.env.is_empty()).then(|| json!({ "Variables": function.env })),
        "PackageType": "Zip",
        "Architectures": ["arm64"],
        "State": function.state,
        "LastUpdateStatus": "Successful",
    })))
}

pub(crate) fn get_function_event_invoke_config(world: &World, input: &Value) -> OperationResult {
    let (name, qualifier) = name_and_qualifier(input);
    let function = function_by_name(world, name)?;
    let arn = format!("{}:{qualifier}", function_arn(name));
    let none = || not_found(format!("The function {arn} doesn't have an EventInvokeConfig"));
    let settings = function.events.get(qualifier).ok_or_else(none)?;
    let to = settings.on_failure.as_ref().map(|arn| json!({ "Destination": arn }));
    Ok(without_nulls(json!({
        "LastModified": 1_793_500_000.5,
        "FunctionArn": arn,
        "MaximumRetryAttempts": settings.retries,
        "MaximumEventAgeInSeconds": settings.age,
        "DestinationConfig": { "OnSuccess": {}, "OnFailure": to.unwrap_or_else(|| json!({})) },
    })))
}
