//! Permissions that AWS uses on behalf of the functions, so that no rehearsal records the calls: logs, network
//! interfaces, the destination, the dead-letter queue, keys.

use std::collections::BTreeSet;

use greenlight_tests::infra::{PLATFORM_STATEMENTS, RoleStatement, SamTemplate, Stack, logical_id};
use rehearsal::FunctionName;
use serde_json::{Value, json};

use super::stack_of;

const VPC: [(&str, &str); 2] = [("VpcId", "vpc-1"), ("SubnetIds", "subnet-1,subnet-2")];
const WITH_KMS_KEY: [(&str, &str); 1] = [("KmsKeyArns", "arn:aws:kms:eu-west-1:111122223333:key/shop")];

/// The actions that a function in a VPC needs for its network interfaces, according to AWS's manuals.
const INTERFACES: [&str; 6] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

fn statement(sid: &str, policy: &str, actions: &[&str], resource: &str) -> RoleStatement {
    RoleStatement {
        policy: policy.to_owned(),
        sid: sid.to_owned(),
        effect: "Allow".to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        resources: vec![resource.to_owned()],
        condition: Value::Null,
    }
}

/// The statements that the platform needs in a function's role, in the order of their ids.
fn expected(function: FunctionName, in_vpc: bool, has_keys: bool) -> Vec<RoleStatement> {
    let name = format!("CodeDeployHook_greenlight-{}", function.program_name());
    let group = format!("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/{name}:*");
    let log = statement("Log", "log", &["logs:CreateLogStream", "logs:PutLogEvents"], &group);
    if function == FunctionName::OnFailure {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:CodeDeployHook_greenlight-on-failure-dead-letters";
        return vec![statement("KeepEvent", "dead-letters", &["sqs:SendMessage"], queue), log];
    }
    let on_failure_arn = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_greenlight-on-failure";
    let mut all = vec![statement("HandOver", "platform", &["lambda:InvokeFunction"], on_failure_arn), log];
    if in_vpc {
        all.push(statement("NetworkInterfaces", "platform", &INTERFACES, "*"));
        let own = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_greenlight-*";
        all.push(RoleStatement {
            effect: "Deny".to_owned(),
            condition: json!({ "ArnLike": { "lambda:SourceFunctionArn": own } }),
            ..statement("NetworkInterfacesNotFromCode", "platform", &INTERFACES, "*")
        });
    }
    if has_keys {
        let services = ["s3", "secretsmanager", "ssm"].map(|service| format!("{service}.eu-west-1.amazonaws.com"));
        all.push(RoleStatement {
            condition: json!({ "StringEquals": { "kms:ViaService": services } }),
            ..statement("Decrypt", "read", &["kms:Decrypt"], WITH_KMS_KEY[0].1)
        });
    }
    all.sort_by(|one, other| one.sid.cmp(&other.sid));
    all
}

/// The trust policy: only Lambda can assume a role.
fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }
        ],
    })
}

fn differences(stack: &Stack, in_vpc: bool, has_keys: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for function in FunctionName::all_functions() {
        let mut own = stack.role_statements(function);
        own.retain(|statement| PLATFORM_STATEMENTS.contains(&&*statement.sid));
        own.sort_by(|one, other| one.sid.cmp(&other.sid));
        let expected = expected(function, in_vpc, has_keys);
        if own != expected {
            faults.push(format!("{function}: expected {expected:#?}, was {own:#?}"));
        }
        let role = stack.properties(&format!("{}Role", logical_id(function)));
        if role["AssumeRolePolicyDocument"] != trust() {
            faults.push(format!(
                "{function}: the trust policy of its role must only allow Lambda, was {}",
                role["AssumeRolePolicyDocument"]
            ));
        }
    }
    faults
}

#[test]
fn roles_allow_exactly_what_aws_does_for_the_functions() {
    let template = SamTemplate::read();
    let vpc_and_keys: Vec<_> = VPC.into_iter().chain(WITH_KMS_KEY).collect();
    assert_eq!(differences(&stack_of(&template, &[]), false, false), [""; 0]);
    assert_eq!(differences(&stack_of(&template, &VPC), true, false), [""; 0]);
    assert_eq!(differences(&stack_of(&template, &vpc_and_keys), true, true), [""; 0]);
    let mut missed = BTreeSet::new();
    for place in template.statement_locations() {
        if PLATFORM_STATEMENTS.contains(&&*place.sid) || place.sid == "Trust" {
            let stack = stack_of(&template.without(&place), &vpc_and_keys);
            assert!(!differences(&stack, true, true).is_empty(), "the test does not notice that {place} is missing");
            missed.insert(place.sid);
        }
    }
    assert_eq!(
        missed.len(),
        PLATFORM_STATEMENTS.len() + 1,
        "the template lacks a statement of the platform; it has {missed:?}"
    );
}

/// Organisations deny `iam:CreateRole` without the boundary or outside the path that they require.
#[test]
fn every_role_takes_a_permissions_boundary_and_a_path() {
    let template = SamTemplate::read();
    let boundary = "arn:aws:iam::111122223333:policy/boundary";
    let required = [("PermissionsBoundary", boundary), ("RolePath", "/deployments/")];
    for (stack, path, boundary) in [
        (stack_of(&template, &[]), "/", Value::Null),
        (stack_of(&template, &required), "/deployments/", json!(boundary)),
    ] {
        assert_eq!(stack.resources_of_type("AWS::IAM::Role").count(), 6);
        for (id, role) in stack.resources_of_type("AWS::IAM::Role") {
            assert_eq!((&role["Path"], &role["PermissionsBoundary"]), (&json!(path), &boundary), "{id}");
        }
    }
}

#[test]
fn statement_ids_are_unique_in_a_role() {
    let stack = stack_of(&SamTemplate::read(), &VPC);
    for function in FunctionName::all_functions() {
        let ids: Vec<_> = stack.role_statements(function).into_iter().map(|statement| statement.sid).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{function}: {ids:?}");
    }
}
