//! Input that AWS refuses before it does anything: too many names, a page that is too large, an unknown enum value.
//!
//! The numbers come from AWS's service models and API references. If a client passed here and failed in AWS, the
//! rehearsal would hide a bug.

use serde_json::Value;

use crate::fake_aws::protocol::{ApiError, Call, number, text};

/// A constraint on a member of an input, if the input has that member.
enum InputConstraint {
    /// A list with this minimum and maximum number of items.
    Items(u64, u64),
    /// A number with this minimum and maximum.
    Range(u64, u64),
    /// One of these values.
    OneOf(&'static [&'static str]),
    /// The number of an item, as the previous page returned it. AWS refuses a token that a client makes up.
    Token,
}
use InputConstraint::{Items, OneOf, Range, Token};

const ECS_STATUS: &[&str] = &["RUNNING", "PENDING", "STOPPED"];
const ALARM_STATE: &[&str] = &["OK", "ALARM", "INSUFFICIENT_DATA"];

/// Service, operation, member, limit.
const LIMITS: &[(&str, &str, &str, InputConstraint)] = &[
    ("ecs", "DescribeServices", "services", Items(1, 10)),
    ("ecs", "DescribeTasks", "tasks", Items(1, 100)),
    ("ecs", "ListTasks", "maxResults", Range(1, 100)),
    ("ecs", "ListTasks", "desiredStatus", OneOf(ECS_STATUS)),
    ("elasticloadbalancing", "DescribeTargetGroups", "PageSize", Range(1, 400)),
    ("elasticloadbalancing", "DescribeListeners", "PageSize", Range(1, 400)),
    ("elasticloadbalancing", "DescribeLoadBalancers", "PageSize", Range(1, 400)),
    ("elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancerArns", Items(0, 20)),
    ("elasticloadbalancing", "DescribeRules", "PageSize", Range(1, 400)),
    ("elasticloadbalancing", "DescribeRules", "Marker", Token),
    ("cloudwatch", "DescribeAlarms", "AlarmNames", Items(0, 100)),
    ("cloudwatch", "DescribeAlarms", "MaxRecords", Range(1, 100)),
    ("cloudwatch", "DescribeAlarms", "StateValue", OneOf(ALARM_STATE)),
    ("cloudwatch", "DescribeAlarmHistory", "MaxRecords", Range(1, 100)),
    ("logs", "DescribeLogGroups", "limit", Range(1, 50)),
    ("ssm", "GetParameters", "Names", Items(1, 10)),
    ("ecr", "DescribeImages", "imageIds", Items(1, 100)),
    ("tag", "GetResources", "ResourceARNList", Items(1, 100)),
    ("tag", "GetResources", "TagFilters", Items(0, 50)),
    ("iam", "SimulatePrincipalPolicy", "MaxItems", Range(1, 1000)),
    ("iam", "SimulatePrincipalPolicy", "Marker", Token),
];

/// Members that an operation requires.
const REQUIRED: &[(&str, &str, &str)] =
    &[("ecs", "DescribeServices", "services"), ("ecs", "DescribeTasks", "tasks"), ("ssm", "GetParameters", "Names")];

/// Members of which an operation requires at least one.
const ONE_OF: &[(&str, &str, [&str; 2], &str)] = &[
    (
        "elasticloadbalancing",
        "DescribeListeners",
        ["ListenerArns", "LoadBalancerArn"],
        "You must specify either listener ARNs or a load balancer ARN",
    ),
    (
        "elasticloadbalancing",
        "DescribeRules",
        ["RuleArns", "ListenerArn"],
        "You must specify either listener rule ARNs or a listener ARN",
    ),
];

/// Checks a call's input as AWS does before it executes the operation.
pub(crate) fn check(call: &Call) -> Result<(), ApiError> {
    let is_this = |service: &str, operation: &str| service == call.service && operation == call.operation;
    for (_, _, member) in REQUIRED.iter().filter(|(service, operation, _)| is_this(service, operation)) {
        if call.input.get(member).is_none() {
            return Err(violation_error(call, member, &Items(1, 0), "null"));
        }
    }
    for (_, _, members, message) in ONE_OF.iter().filter(|(service, operation, ..)| is_this(service, operation)) {
        if members.iter().all(|member| is_empty(call.input.get(member))) {
            return Err(ApiError::new(code(call), *message));
        }
    }
    for (_, _, member, limit) in LIMITS.iter().filter(|(service, operation, ..)| is_this(service, operation)) {
        let Some(value) = call.input.get(member) else { continue };
        let is_satisfied = match limit {
            Items(least, most) => {
                value.as_array().is_some_and(|items| (*least..=*most).contains(&(items.len() as u64)))
            }
            Range(least, most) => {
                number(&call.input, member).is_some_and(|number| (*least..=*most).contains(&(number as u64)))
            }
            OneOf(words) => words.contains(&text(&call.input, member)),
            Token => number(&call.input, member).is_some(),
        };
        if !is_satisfied {
            return Err(violation_error(call, member, limit, &shown(value)));
        }
    }
    Ok(())
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The error code with which a service refuses an invalid input.
fn code(call: &Call) -> &'static str {
    match call.service.as_str() {
        "ecs" | "ecr" | "tag" | "logs" => "InvalidParameterException",
        "elasticloadbalancing" | "cloudwatch" | "iam" => "ValidationError",
        _ => "ValidationException",
    }
}

/// ECS has its own messages; the other services name the violated constraint of their model.
fn violation_error(call: &Call, member: &str, limit: &InputConstraint, value: &str) -> ApiError {
    if call.service == "ecs" {
        let title = member[..1].to_uppercase() + &member[1..];
        let message = match limit {
            Items(..) if matches!(value, "null" | "[]") => format!("{title} cannot be empty."),
            Items(_, most) => format!("{title} cannot have more than {most} elements."),
            Range(least, most) => format!("{member} must be between {least} and {most}."),
            OneOf(words) => format!("Invalid {member}: {value}. Valid values are {}.", words.join(", ")),
            Token => "Invalid token.".to_owned(),
        };
        return ApiError::new(code(call), message);
    }
    let constraint = match limit {
        Items(_, most) => format!("Member must have length less than or equal to {most}"),
        Range(least, _) if value.parse::<u64>().is_ok_and(|value| value < *least) => {
            format!("Member must have value greater than or equal to {least}")
        }
        Range(_, most) => format!("Member must have value less than or equal to {most}"),
        OneOf(words) => format!("Member must satisfy enum value set: [{}]", words.join(", ")),
        Token => return ApiError::new(code(call), format!("Invalid {member}: {value}")),
    };
    let member = member[..1].to_lowercase() + &member[1..];
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    );
    ApiError::new(code(call), message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_aws::protocol::AwsProtocol;

    fn error_for(service: &str, operation: &str, input: Value) -> Option<(&'static str, String)> {
        let (service, operation) = (service.to_owned(), operation.to_owned());
        let call = Call { service, operation, input, protocol: AwsProtocol::Query };
        check(&call).err().map(|problem| (problem.code, problem.message))
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let names = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
        let elb = "elasticloadbalancing";
        let cases = [
            ("ecs", "DescribeServices", json!({}), "InvalidParameterException", "Services cannot be empty."),
            (
                "ecs",
                "DescribeServices",
                json!({ "services": [] }),
                "InvalidParameterException",
                "Services cannot be empty.",
            ),
            (
                "ecs",
                "DescribeServices",
                json!({ "services": names(11) }),
                "InvalidParameterException",
                "more than 10 elements",
            ),
            (
                "ecs",
                "DescribeTasks",
                json!({ "tasks": names(101) }),
                "InvalidParameterException",
                "more than 100 elements",
            ),
            ("ecs", "ListTasks", json!({ "maxResults": 1000 }), "InvalidParameterException", "between 1 and 100"),
            ("ecs", "ListTasks", json!({ "desiredStatus": "ALIVE" }), "InvalidParameterException", "ALIVE"),
            (elb, "DescribeListeners", json!({}), "ValidationError", "either listener ARNs or a load balancer ARN"),
            (elb, "DescribeRules", json!({ "RuleArns": [] }), "ValidationError", "either listener rule ARNs"),
            (
                elb,
                "DescribeRules",
                json!({ "ListenerArn": "a", "Marker": "soup" }),
                "ValidationError",
                "Invalid Marker: soup",
            ),
            (
                elb,
                "DescribeRules",
                json!({ "ListenerArn": "a", "PageSize": "401" }),
                "ValidationError",
                "less than or equal to 400",
            ),
            (
                "cloudwatch",
                "DescribeAlarms",
                json!({ "AlarmNames": names(101) }),
                "ValidationError",
                "at 'alarmNames' failed",
            ),
            (
                "cloudwatch",
                "DescribeAlarms",
                json!({ "MaxRecords": 0 }),
                "ValidationError",
                "greater than or equal to 1",
            ),
            (
                "cloudwatch",
                "DescribeAlarms",
                json!({ "StateValue": "BAD" }),
                "ValidationError",
                "[OK, ALARM, INSUFFICIENT_DATA]",
            ),
            ("ssm", "GetParameters", json!({ "Names": names(11) }), "ValidationException", "less than or equal to 10"),
        ];
        for (service, operation, input, code, says) in cases {
            let (seen, message) =
                error_for(service, operation, input.clone()).unwrap_or_else(|| panic!("{operation} {input}"));
            assert_eq!(seen, code, "{operation} {input}");
            assert!(message.contains(says), "{operation} {input}: {message}");
        }
    }

    #[test]
    fn what_aws_takes_is_taken() {
        for (service, operation, input) in [
            ("ecs", "DescribeServices", json!({ "services": ["web"] })),
            ("ecs", "ListTasks", json!({ "maxResults": 100, "desiredStatus": "STOPPED" })),
            (
                "elasticloadbalancing",
                "DescribeRules",
                json!({ "ListenerArn": "a", "Marker": "400", "PageSize": "400" }),
            ),
            ("cloudwatch", "DescribeAlarms", json!({ "AlarmNames": ["a"], "MaxRecords": 100 })),
            ("cloudwatch", "DescribeAlarms", json!({})),
        ] {
            assert_eq!(error_for(service, operation, input.clone()), None, "{operation} {input}");
        }
    }
}
