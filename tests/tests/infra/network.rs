//! The network for an internal load balancer: where the hooks run, what they can reach, and what else in the VPC is
//! affected.

use std::path::{Path, PathBuf};

use greenlight_tests::infra::{SamTemplate, Stack, template_as_json};
use rehearsal::{FunctionName, Hook};
use serde_json::{Value, json};

use super::stack_with;

/// A stack with the parameters that the endpoints need, and these additional ones.
fn with_endpoints(more: &[(&'static str, &'static str)]) -> Stack {
    let network = [("VpcId", "vpc-1"), ("SubnetIds", "subnet-1"), ("Endpoints", "yes"), ("RouteTableIds", "rtb-1")];
    stack_with(&network.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
}

/// The services for which that stack creates endpoints.
fn endpoint_services(more: &[(&'static str, &'static str)]) -> String {
    let stack = with_endpoints(more);
    let names = stack.resources_of_type("AWS::EC2::VPCEndpoint").map(|(_, it)| {
        let name = it["ServiceName"].as_str().unwrap().to_owned();
        name.strip_prefix("com.amazonaws.eu-west-1.").unwrap().to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.join(" ")
}

#[test]
fn hooks_are_in_the_vpc_and_the_on_failure_handler_is_not() {
    let network = [("VpcId", "vpc-1"), ("SubnetIds", "subnet-1,subnet-2")];
    let groups = [network[0], network[1], ("SecurityGroupIds", "sg-1,sg-2")];
    let vpc_config = |stack: &Stack, function| stack.function(function)["VpcConfig"].clone();
    let (own, given, none) = (stack_with(&network), stack_with(&groups), stack_with(&[]));
    for hook in Hook::ALL.map(FunctionName::Hook) {
        let subnets = json!(["subnet-1", "subnet-2"]);
        let made = json!({ "SubnetIds": subnets, "SecurityGroupIds": ["HooksSecurityGroup.GroupId"] });
        assert_eq!(vpc_config(&own, hook), made);
        assert_eq!(vpc_config(&given, hook), json!({ "SubnetIds": subnets, "SecurityGroupIds": ["sg-1", "sg-2"] }));
        assert_eq!(vpc_config(&none, hook), Value::Null);
    }
    // A mistake in the network must not prevent the on-failure handler from putting the status too.
    assert_eq!(vpc_config(&own, FunctionName::OnFailure), Value::Null);
    assert!(!given.resources.contains_key("HooksSecurityGroup"));
}

#[test]
fn vpc_has_exactly_the_endpoints_that_the_hooks_call() {
    let usual = "codedeploy ecs elasticloadbalancing monitoring";
    let with = |more: &str| {
        let mut all: Vec<_> = usual.split(' ').chain(more.split(' ')).collect();
        all.sort_unstable();
        all.join(" ")
    };
    assert_eq!(endpoint_services(&[]), usual);
    assert_eq!(endpoint_services(&[("GateSource", "ssm"), ("GateParameter", "/gate")]), with("ssm"));
    assert_eq!(endpoint_services(&[("GateSource", "s3"), ("GateBucket", "gates")]), with("s3"));
    assert_eq!(
        endpoint_services(&[("SecretArns", "arn:aws:secretsmanager:eu-west-1:1:secret:x")]),
        with("secretsmanager")
    );
    assert_eq!(endpoint_services(&[("SecretParameterArns", "arn:aws:ssm:eu-west-1:1:parameter/x")]), with("ssm"));
    assert_eq!(endpoint_services(&[("AlarmsByTag", "yes")]), with("tagging"));
    assert_eq!(endpoint_services(&[("Preflight", "yes")]), with("logs"));
    let images = [("Preflight", "yes"), ("RepositoryArns", "arn:aws:ecr:eu-west-1:1:repository/x")];
    assert_eq!(endpoint_services(&images), with("ecr.api logs"));
    let app_spec = [("Preflight", "yes"), ("AppSpecObjectArns", "arn:aws:s3:::deployments/*")];
    assert_eq!(endpoint_services(&app_spec), with("logs s3"));
    let none = stack_with(&[("VpcId", "vpc-1"), ("SubnetIds", "subnet-1")]);
    assert_eq!(none.resources_of_type("AWS::EC2::VPCEndpoint").count(), 0);
}

/// Every parameter that makes the hooks call an additional service.
const EVERY_SERVICE: [(&str, &str); 8] = [
    ("GateSource", "s3"),
    ("GateBucket", "gates"),
    ("SecretArns", "arn:aws:secretsmanager:eu-west-1:1:secret:x"),
    ("SecretParameterArns", "arn:aws:ssm:eu-west-1:1:parameter/x"),
    ("AlarmsByTag", "yes"),
    ("Preflight", "yes"),
    ("RepositoryArns", "arn:aws:ecr:eu-west-1:1:repository/x"),
    ("AppSpecObjectArns", "arn:aws:s3:::deployments/*"),
];

/// A VPC accepts only one endpoint with the same private name, so an existing endpoint has to be left out.
#[test]
fn each_endpoint_can_be_left_out_alone() {
    let every = endpoint_services(&EVERY_SERVICE);
    let SamTemplate(template) = SamTemplate::read();
    let names = template["Parameters"]["EndpointsLeftOut"]["AllowedValues"].as_array().unwrap().clone();
    let names: Vec<&'static str> =
        names.iter().map(|name| &*Box::leak(name.as_str().unwrap().to_owned().into_boxed_str())).collect();
    assert_eq!(names.iter().filter(|name| **name != "none").count(), every.split(' ').count());
    for name in names {
        let left: Vec<_> = EVERY_SERVICE.into_iter().chain([("EndpointsLeftOut", name)]).collect();
        let rest: Vec<_> = every.split(' ').filter(|one| *one != name).collect();
        assert_eq!(endpoint_services(&left), rest.join(" "), "without {name}");
        // The template searches for the name in the text of the list, so no name can be part of another one.
        assert!(every.split(' ').all(|other| other == name || !other.contains(name)), "{name}");
    }
    let two: Vec<_> = EVERY_SERVICE.into_iter().chain([("EndpointsLeftOut", "ecr.api,s3")]).collect();
    assert_eq!(endpoint_services(&two), every.replace(" ecr.api", "").replace(" s3", ""));
}

#[test]
fn endpoints_are_in_the_subnets_of_the_hooks_or_in_configured_ones() {
    for (more, subnets) in [
        (&[][..], json!(["subnet-1"])),
        (&[("EndpointSubnetIds", "subnet-7,subnet-8")], json!(["subnet-7", "subnet-8"])),
    ] {
        let stack = with_endpoints(more);
        for (name, endpoint) in stack.resources_of_type("AWS::EC2::VPCEndpoint") {
            assert_eq!(endpoint["SubnetIds"], subnets, "{name}");
        }
        assert_eq!(stack.function(Hook::AfterInstall.into())["VpcConfig"]["SubnetIds"], json!(["subnet-1"]));
    }
}

/// The private name sends the requests of the whole VPC to an endpoint, not only those of the hooks.
#[test]
fn endpoints_accept_connections_from_the_whole_vpc() {
    let stack = with_endpoints(&[]);
    let rules = stack.properties("EndpointsSecurityGroup")["SecurityGroupIngress"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["IpProtocol"] == "tcp" && rule["FromPort"] == 443 && rule["ToPort"] == 443));
    let from: Vec<_> = rules.iter().filter_map(|rule| rule["CidrIp"].as_str()).collect();
    assert_eq!(from, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]);
    // A VPC can have its own public addresses. The rule for the hooks' group covers hooks with such addresses.
    let groups: Vec<_> = rules.iter().filter_map(|rule| rule["SourceSecurityGroupId"].as_str()).collect();
    assert_eq!(groups, ["HooksSecurityGroup.GroupId"]);
}

/// The hooks resolve names before they connect.
#[test]
fn hooks_can_connect_and_resolve_names() {
    let stack = with_endpoints(&[]);
    let group = stack.properties("HooksSecurityGroup");
    let out: Vec<_> = group["SecurityGroupEgress"].as_array().unwrap().iter().collect();
    let out = out.iter().map(|rule| (rule["IpProtocol"].as_str().unwrap(), &rule["FromPort"], &rule["ToPort"]));
    assert_eq!(out.collect::<Vec<_>>(), [("tcp", &json!(1), &json!(65535)), ("udp", &json!(53), &json!(53))]);
    assert_eq!(
        group["SecurityGroupIngress"],
        Value::Null,
        "nothing connects to a hook, so its security group must have no inbound rules"
    );
}

/// Every template of the repository, with the path of its file and with intrinsic functions in long form.
fn templates() -> Vec<(PathBuf, Value)> {
    let (mut folders, mut found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let is_built = path.file_name().is_some_and(|name| name == ".aws-sam");
            if path.is_dir() && !is_built {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                let is_template = text.lines().any(|line| line.starts_with("AWSTemplateFormatVersion:"));
                if is_template {
                    found.push((path.clone(), template_as_json(&path)));
                }
            }
        }
    }
    assert!(found.len() >= 2, "{found:?}");
    found
}

/// EC2 accepts only certain characters in the descriptions of security groups and their rules, and no apostrophe.
/// CloudFormation notices this only when it creates the group, and then rolls the whole stack back.
#[test]
fn ec2_accepts_the_descriptions_of_the_security_groups() {
    let mut described = 0;
    for (path, template) in templates() {
        for (name, resource) in template["Resources"].as_object().unwrap() {
            let kind = resource["Type"].as_str().unwrap();
            if !kind.starts_with("AWS::EC2::SecurityGroup") {
                continue;
            }
            let own = &resource["Properties"];
            let rules = ["SecurityGroupIngress", "SecurityGroupEgress"];
            let rules = rules.iter().flat_map(|rules| own[*rules].as_array().into_iter().flatten());
            let all = [&own["GroupDescription"], &own["Description"]].into_iter();
            for said in all.chain(rules.map(|rule| &rule["Description"])).filter(|said| !said.is_null()) {
                let said =
                    said.as_str().unwrap_or_else(|| panic!("{}: {name}: {said} is not a string", path.display()));
                let is_taken =
                    |letter: char| letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter);
                let faulty: String = said.chars().filter(|letter| !is_taken(*letter)).collect();
                assert!(
                    faulty.is_empty() && said.len() <= 255,
                    "{}: {name}: {said:?} is longer than 255 characters or has characters that EC2 refuses: {faulty:?}",
                    path.display()
                );
                described += 1;
            }
        }
    }
    assert!(described >= 10, "expected at least 10 descriptions, found {described}");
}

/// A release changes the task definition. CloudFormation also updates the resources that depend on it, and refuses the
/// whole update if the stack policy denies one of them.
#[test]
fn stack_policy_of_the_example_allows_a_release() {
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/example");
    let template = template_as_json(&infra.join("template.yaml"));
    let policy = std::fs::read_to_string(infra.join("stack-policy.json")).unwrap();
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let mut denied = Vec::new();
    for statement in policy["Statement"].as_array().unwrap().iter().filter(|it| it["Effect"] == "Deny") {
        let actions = statement["Action"].to_string();
        let resources = match &statement["Resource"] {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        };
        for resource in resources {
            let name = resource.as_str().unwrap().strip_prefix("LogicalResourceId/").unwrap().to_owned();
            assert!(
                template["Resources"][&name].is_object(),
                "the stack policy names {name}, which the example does not have"
            );
            denied.push((name, actions.clone()));
        }
    }
    for (name, actions) in &denied {
        // Finds everything that the resource depends on, directly or not: the long form quotes the names.
        let (mut seen, mut open) = (Vec::new(), vec![name.clone()]);
        while let Some(next) = open.pop() {
            let text = template["Resources"][&next].to_string();
            for other in template["Resources"].as_object().unwrap().keys() {
                if *other != next && text.contains(&format!("\"{other}\"")) && !seen.contains(other) {
                    seen.push(other.clone());
                    open.push(other.clone());
                }
            }
        }
        let is_touched = seen.iter().any(|one| one == "TaskDefinition");
        let is_refused = ["\"Update:*\"", "\"Update:Modify\""].iter().any(|action| actions.contains(action));
        assert!(
            !(is_touched && is_refused),
            "{name} depends on the task definition, and the stack policy denies its update"
        );
    }
    for name in ["ProductionListener", "TestListener", "Blue", "Green"] {
        assert!(
            denied.contains(&(name.to_owned(), "\"Update:*\"".to_owned())),
            "the stack policy does not deny updates of {name}"
        );
    }
    assert!(denied.iter().any(|(name, actions)| name == "Service" && actions.contains("Update:Replace")));
}
