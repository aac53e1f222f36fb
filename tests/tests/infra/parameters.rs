//! Parameters of the template: CloudFormation refuses invalid ones before it creates anything.

use std::collections::BTreeSet;

use greenlight_tests::infra::{REQUIRED_PARAMETERS, SamTemplate};

fn rejections(parameters: &[(&'static str, &'static str)]) -> Vec<String> {
    let all = REQUIRED_PARAMETERS.into_iter().chain(parameters.iter().copied());
    SamTemplate::read().instantiate(all).err().unwrap_or_default()
}

#[test]
fn parameters_that_bound_the_roles_are_required() {
    assert_eq!(
        SamTemplate::read().instantiate([]).unwrap_err(),
        ["Application: has no default", "Cluster: has no default"]
    );
    assert_eq!(rejections(&[]), [""; 0]);
}

#[test]
fn parameter_without_the_one_that_it_needs_is_refused() {
    assert_eq!(rejections(&[("GateSource", "ssm")]), ["GateSource ssm needs GateParameter"]);
    assert_eq!(rejections(&[("GateSource", "s3")]), ["GateSource s3 needs GateBucket"]);
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    assert_eq!(rejections(&[("GateDigest", digest)]), ["GateDigest needs a GateSource"]);
    assert_eq!(rejections(&[("GateDigest", digest), ("GateSource", "package")]), [""; 0]);
    for (name, value) in [("GateBucketOwner", "444455556666"), ("GateObjectVersion", "v3")] {
        assert_eq!(rejections(&[(name, value), ("GateSource", "package")]), [format!("{name} needs GateSource s3")]);
        assert_eq!(rejections(&[(name, value), ("GateSource", "s3"), ("GateBucket", "gates")]), [""; 0]);
    }
    let lists = ["AppSpecObjectArns", "TaskRoleArns", "TaskSecretArns", "TaskParameterArns", "RepositoryArns"];
    for list in lists {
        assert_eq!(rejections(&[(list, "arn:aws:x:eu-west-1:1:y")]), [format!("{list} need Preflight")]);
        assert_eq!(rejections(&[(list, "arn:aws:x:eu-west-1:1:y"), ("Preflight", "yes")]), [""; 0]);
    }
    assert_eq!(rejections(&[("VpcId", "vpc-1")]), ["VpcId needs SubnetIds"]);
    assert_eq!(rejections(&[("SubnetIds", "subnet-1")]), ["SubnetIds need VpcId"]);
    assert_eq!(rejections(&[("SecurityGroupIds", "sg-1")]), ["SecurityGroupIds need VpcId"]);
    assert_eq!(rejections(&[("Endpoints", "yes")]), ["Endpoints need VpcId"]);
    assert_eq!(rejections(&[("EndpointsLeftOut", "logs,s3")]), ["EndpointsLeftOut need Endpoints"]);
    assert_eq!(rejections(&[("EndpointSubnetIds", "subnet-1")]), ["EndpointSubnetIds need Endpoints"]);
    let gateway = [
        ("VpcId", "vpc-1"),
        ("SubnetIds", "subnet-1"),
        ("Endpoints", "yes"),
        ("GateSource", "s3"),
        ("GateBucket", "gates"),
    ];
    assert_eq!(rejections(&gateway), ["Endpoints and objects of S3 need RouteTableIds"]);
    let without: Vec<_> = gateway.into_iter().chain([("EndpointsLeftOut", "ecs,s3")]).collect();
    assert_eq!(rejections(&without), [""; 0]);
}

#[test]
fn names_that_aws_would_refuse_later_are_refused_early() {
    for faulty in [
        ("Suffix", ""),
        ("Suffix", "Shop"),
        ("Suffix", "-shop"),
        ("Suffix", "shop-"),
        ("Suffix", "a23456789-b23456789-c2345"),
        ("Application", "shop/web"),
        ("Application", "${aws:username}"),
        ("Cluster", "arn:aws:ecs:eu-west-1:111122223333:cluster/shop"),
        ("Service", "shop/web"),
        ("GateParameter", "greenlight"),
        ("GateBucket", "s3://gates"),
        ("GateBucketOwner", "shop"),
        ("GateObjectVersion", "v3&x=1"),
        ("GateDigest", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("AllowedHosts", "https://status.example.com"),
        ("AllowedHosts", "status.example.com:443"),
        ("AllowedHosts", "status.example.com, shop.example.com"),
        ("AllowedHosts", "*"),
        ("Mode", "off"),
        ("OnFailureConcurrency", "none"),
        ("PermissionsBoundary", "boundary"),
        ("RolePath", "deployments"),
        ("RolePath", "/deployments"),
        ("HostName", "https://shop.example.com"),
        ("HostName", "shop.example.com:443"),
        ("AlarmTopicArn", "on-call"),
        ("VpcId", "shop"),
        ("LogRetentionDays", "42"),
        ("Architecture", "x86"),
        ("EndpointsLeftOut", "ecs,ec2"),
    ] {
        let names = REQUIRED_PARAMETERS.into_iter().filter(|(name, _)| *name != faulty.0);
        let said = SamTemplate::read().instantiate(names.chain([faulty])).err().unwrap_or_default();
        assert_eq!(said.len(), 1, "{faulty:?} must be refused with one message: {said:?}");
        assert!(said[0].starts_with(faulty.0), "{faulty:?}: {said:?}");
    }
}

#[test]
fn every_parameter_has_a_group_and_a_description() {
    let SamTemplate(template) = SamTemplate::read();
    let parameters = template["Parameters"].as_object().unwrap();
    let groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].as_array().unwrap();
    let grouped: Vec<_> = groups.iter().flat_map(|group| group["Parameters"].as_array().unwrap()).collect();
    assert_eq!(grouped.len(), parameters.len());
    let grouped: BTreeSet<_> = grouped.into_iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(grouped, parameters.keys().map(String::as_str).collect());
    let readme = include_str!("../../../infra/README.md");
    for (name, parameter) in parameters {
        assert!(parameter["Description"].is_string(), "{name}");
        let has_pattern = parameter["AllowedPattern"].is_string();
        assert_eq!(has_pattern, parameter["ConstraintDescription"].is_string(), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "infra/README.md has no line for {name}");
    }
}
