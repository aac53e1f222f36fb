//! Tests of checking, with a good file in which one thing is broken.

use super::{
    hook_functions,
    issue::{Issue, Severity},
    tests::{HEAD, SECTION, written},
    validate::{ValidationContext, validate},
};

fn issues_in(text: &str) -> Vec<Issue> {
    validate(text, false, &ValidationContext::default())
}

#[test]
fn what_is_written_has_no_fault() {
    for text in [written(HEAD), SECTION.to_owned() + HEAD] {
        assert!(issues_in(&text).is_empty(), "{:?}", issues_in(&text));
    }
}

/// Each case breaks one thing in a good file, and names the only fault that the file then has.
#[test]
fn each_fault_is_found_alone() {
    let good = format!("{HEAD}{SECTION}");
    let arn = |account: &str, region: &str| {
        format!("arn:aws:lambda:{region}:{account}:function:CodeDeployHook_shop-after-install")
    };
    let cn_arn = || arn("111122223333", "eu-west-1").replace("arn:aws:", "arn:aws-cn:");
    let name = "CodeDeployHook_shop-after-install";
    let cases: Vec<(&str, &str, String, Severity, &str)> = vec![
        (
            "a misspelt event",
            "BeforeAllowTraffic:",
            "BeforeAllowTrafic:".into(),
            Severity::Rejected,
            "did you mean `BeforeAllowTraffic`?",
        ),
        ("an event of EC2", "AfterAllowTraffic:", "ValidateService:".into(), Severity::Rejected, "deployments on EC2"),
        (
            "an event without a hook",
            "AfterAllowTraffic:",
            "AllowTraffic:".into(),
            Severity::Rejected,
            "CodeDeploy does it itself",
        ),
        (
            "the on-failure handler as a hook",
            name,
            "CodeDeployHook_shop-on-failure".into(),
            Severity::Error,
            "on-failure is not a hook",
        ),
        (
            "another hook's function",
            name,
            "CodeDeployHook_shop-before-install".into(),
            Severity::Error,
            "the function of BeforeInstall at AfterInstall",
        ),
        (
            "no hook at all",
            name,
            "CodeDeployHook_smoke".into(),
            Severity::Error,
            "the one for AfterInstall ends in after-install",
        ),
        (
            "a misspelt function",
            name,
            "CodeDeployHook_shop-after-instal".into(),
            Severity::Error,
            "did you mean `CodeDeployHook_shop-after-install`?",
        ),
        ("no prefix", name, "shop-after-install".into(), Severity::Error, "does not begin with `CodeDeployHook_`"),
        ("an alias", name, format!("{name}:live"), Severity::Error, "leave `:live` out"),
        (
            "another account",
            name,
            arn("444455556666", "eu-west-1"),
            Severity::Error,
            "in account 444455556666, but the task definition is in 111122223333",
        ),
        (
            "another region",
            name,
            arn("111122223333", "us-east-1"),
            Severity::Error,
            "in us-east-1, but the task definition is in eu-west-1",
        ),
        (
            "something else's ARN",
            name,
            "arn:aws:sns:eu-west-1:111122223333:topic:x".into(),
            Severity::Error,
            "something other than a Lambda function",
        ),
        ("two functions", name, "[a, b]".into(), Severity::Rejected, "the name or the ARN of one function"),
        ("nothing", name, String::new(), Severity::Rejected, "the name or the ARN of one function"),
        ("another version", "version: 0.0", "version: 2.0".into(), Severity::Rejected, "must be 0.0"),
        ("a word as a version", "version: 0.0", "version: latest".into(), Severity::Rejected, "must be 0.0"),
        (
            "another partition",
            name,
            cn_arn(),
            Severity::Error,
            "eu-west-1 is in the partition `aws` and not in `aws-cn`",
        ),
        ("a misspelt section", "Hooks:\n", "Hook:\n".into(), Severity::Rejected, "did you mean `Hooks`?"),
        (
            "another platform",
            "AWS::ECS::Service",
            "AWS::Lambda::Function".into(),
            Severity::Rejected,
            "these hooks are for Amazon ECS",
        ),
        (
            "a key of EC2",
            "Resources:\n",
            "os: linux\nResources:\n".into(),
            Severity::Rejected,
            "belongs to deployments on EC2",
        ),
        ("no version", "version: 0.0 # the only one\n", String::new(), Severity::Rejected, "`version: 0.0` is missing"),
        (
            "a second time",
            "  - AfterInstall: CodeD",
            "  - BeforeInstall: CodeDeployHook_shop-before-install\n  - AfterInstall: CodeD".into(),
            Severity::Rejected,
            "in line 9 already",
        ),
        ("bad syntax", "Hooks:\n", "Hooks: [\n".into(), Severity::Rejected, "not YAML"),
    ];
    for (title, old, new, level, says) in cases {
        let text = good.replacen(old, &new, 1);
        assert_ne!(text, good, "{title}");
        let faults: Vec<_> = issues_in(&text).into_iter().filter(|one| one.severity != Severity::Note).collect();
        let [one] = faults.as_slice() else { panic!("{title}: {faults:#?}") };
        assert_eq!(one.severity, level, "{title}");
        assert!(one.diagnostic.message.contains(says), "{title}: {}", one.diagnostic);
    }
    let text = good.replacen("  - BeforeInstall: CodeDeployHook_shop-before-install\n", "", 1)
        + "  - BeforeInstall: CodeDeployHook_shop-before-install\n";
    let [one] = &issues_in(&text)[..] else { panic!("{:?}", issues_in(&text)) };
    assert!(one.diagnostic.message.contains("BeforeInstall comes before AfterAllowTraffic"), "{}", one.diagnostic);
    let map = good.replace("  - ", "  ");
    assert!(
        issues_in(&map.replace("  TargetService", "  - TargetService"))[0].diagnostic.message.contains("are a list"),
        "{map}"
    );
}

#[test]
fn what_is_worth_knowing_is_no_fault() {
    let notes = |text: String| {
        let found = issues_in(&text);
        assert!(found.iter().all(|one| one.severity == Severity::Note), "{found:?}");
        found.into_iter().map(|one| one.diagnostic.message).collect::<Vec<_>>().join("; ")
    };
    let section = |from: &str, to: &str| format!("{HEAD}{}", SECTION.replace(from, to));
    assert!(notes(HEAD.to_owned()).contains("there is no Hooks section"));
    assert!(notes(format!("{HEAD}Hooks:\n")).contains("is empty"));
    let one = notes(format!("{HEAD}Hooks:\n  - AfterAllowTestTraffic: CodeDeployHook_after-allow-test-traffic\n"));
    assert_eq!(one, "no function is named for BeforeInstall, AfterInstall, BeforeAllowTraffic, AfterAllowTraffic");
    let filled = notes(section("CodeDeployHook_shop-after-install", "<HOOK>"));
    assert_eq!(filled, "<HOOK> is a placeholder, so it cannot be checked");
    let slip = notes(section("CodeDeployHook_shop-after-install", "CodeDeployHook_shpo-after-install"));
    assert_eq!(slip, "this function is in the stack `shpo`, but most of the others are in `shop`");
}

#[test]
fn what_whoever_asks_knows_counts() {
    let text = format!("{HEAD}{SECTION}").replace(
        "CodeDeployHook_shop-before-install",
        "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_shop-before-install",
    );
    let with = |known: ValidationContext| {
        validate(&text, false, &known).into_iter().map(|one| one.diagnostic.message).collect::<Vec<_>>()
    };
    assert!(with(ValidationContext::default()).is_empty());
    let account = with(ValidationContext { account: Some("444455556666".into()), ..ValidationContext::default() });
    assert_eq!(account, ["in account 111122223333, but it should be in 444455556666; CodeDeploy cannot invoke it"]);
    let region = with(ValidationContext { region: Some("us-east-1".into()), ..ValidationContext::default() });
    assert_eq!(region, ["in eu-west-1, but it should be in us-east-1; CodeDeploy cannot invoke it"]);
    let other = hook_functions::with_prefix("CodeDeployHook_other-").unwrap();
    assert_eq!(with(ValidationContext { functions: other, ..ValidationContext::default() }).len(), 5);
    let smoke = text.replace("CodeDeployHook_shop-after-install", "my-smoke-test");
    let own = ValidationContext { own_functions: vec!["my-smoke-test".into()], ..ValidationContext::default() };
    assert!(validate(&smoke, false, &own).is_empty());
    assert_eq!(validate("{ \"version\": 0.0, }", true, &ValidationContext::default()).len(), 1);
}

/// Each case breaks one thing in the Resources of a good file, and names the only fault that the file then has.
#[test]
fn each_fault_of_the_resources_is_found_alone() {
    let good = format!("{HEAD}{SECTION}");
    let arn = "\"arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:42\"";
    let info = "{ ContainerName: 'web', ContainerPort: 8080 }";
    let from_item = &HEAD[HEAD.find("  - TargetService").unwrap()..];
    let item_as_map = from_item.replace("  - TargetService", "  TargetService");
    let flat = from_item.replace("      Type", "    Type").replace("      Properties", "    Properties");
    let twice = format!("{from_item}{from_item}");
    let from_properties = &HEAD[HEAD.find("      Properties").unwrap()..];
    let task_definition = format!("        TaskDefinition: {arn}\n");
    let balancer = format!("        LoadBalancerInfo: {info}\n");
    let cases: [(&str, &str, &str, &str); 21] = [
        ("a word", from_item, "  the-service\n", "Resources is a list with one service"),
        ("a map", from_item, &item_as_map, "put a `-` before the name"),
        ("empty", from_item, "", "the Resources section is empty"),
        ("an empty list", from_item, "  []\n", "the Resources section is empty"),
        ("wrong indentation", from_item, &flat, "indent Type and Properties deeper than `TargetService`"),
        ("two services", from_item, &twice, "a second resource"),
        ("a list of words", from_item, "  - TargetService\n", "an item of Resources is a map"),
        ("a name alone", from_item, "  - TargetService:\n", "Type and Properties are missing"),
        ("no Type", "      Type: AWS::ECS::Service\n", "", "`Type: AWS::ECS::Service` is missing"),
        ("another type", "AWS::ECS::Service", "AWS::ECS::TaskSet", "the Type of a resource"),
        ("no Properties", from_properties, "", "Properties is missing"),
        ("no task definition", &task_definition, "", "TaskDefinition is missing"),
        ("an empty task definition", arn, "", "the ARN of one task definition"),
        ("another ARN", ":task-definition/shop:42", ":service/shop/web", "not the ARN of a task definition"),
        (
            "a misspelt property",
            &balancer,
            &format!("        LoadBalancerInof: {info}\n"),
            "did you mean `LoadBalancerInfo`?",
        ),
        ("no load balancer", &balancer, "", "LoadBalancerInfo is missing"),
        ("a list in place of a map", info, "[{ ContainerName: web }, { ContainerPort: 8080 }]", "take the `-` out"),
        ("no container", "ContainerName: 'web', ", "", "ContainerName is missing"),
        ("no port", ", ContainerPort: 8080", "", "ContainerPort is missing"),
        ("an invalid port", "8080", "80800", "a number from 1 to 65535"),
        (
            "subnets without AwsvpcConfiguration",
            &balancer,
            &format!("{balancer}        NetworkConfiguration: [a]\n"),
            "has one key",
        ),
    ];
    for (title, old, new, says) in cases {
        let text = good.replacen(old, new, 1);
        assert_ne!(text, good, "{title}");
        let faults: Vec<_> = issues_in(&text).into_iter().filter(|one| one.severity == Severity::Rejected).collect();
        // A misspelt key counts as missing too.
        let messages: Vec<_> = faults.iter().map(|one| one.diagnostic.message.as_str()).collect();
        assert!(messages.iter().any(|message| message.contains(says)), "{title}: {messages:?}");
        assert!(messages.len() == 1 || title == "a misspelt property", "{title}: {messages:?}");
    }
}

/// Variants that many public files have and CodeDeploy accepts.
#[test]
fn what_codedeploy_takes_is_no_fault() {
    let good = format!("{HEAD}{SECTION}");
    let quiet = |old: &str, new: &str| {
        let text = good.replace(old, new);
        assert_ne!(text, good, "{old}");
        issues_in(&text).into_iter().map(|one| (one.severity, one.diagnostic.message)).collect::<Vec<_>>()
    };
    for version in ["0", "0.00", "'0.0'", "\"0\""] {
        assert_eq!(quiet("version: 0.0", &format!("version: {version}")), [], "{version}");
    }
    for version in ["1", "1.0"] {
        let [(Severity::Note, message)] = &quiet("version: 0.0", &format!("version: {version}"))[..] else {
            panic!("{version}")
        };
        assert!(message.contains(version), "{message}");
    }
    assert_eq!(quiet("\"arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:42\"", "<TASK_DEFINITION>"), []);
    assert_eq!(quiet("8080", "<CONTAINER_PORT>"), []);
    assert_eq!(quiet("8080", "'8080'"), []);
    let small = good.replace("Resources", "resources").replace("Type", "type").replace("Properties", "properties");
    let small = small.replace("TaskD", "taskD").replace("LoadB", "loadB").replace("Container", "container");
    assert_eq!(issues_in(&small).len(), 0, "{:?}", issues_in(&small));
    let optional = "PlatformVersion: LATEST\n        NetworkConfiguration:\n          AwsvpcConfiguration:\n            Subnets: [a]\n        \
                    CapacityProviderStrategy:\n          - { CapacityProvider: FARGATE, Base: 0, Weight: 1 }\n        LoadBalancerInfo";
    assert_eq!(quiet("LoadBalancerInfo", optional), []);
}

#[test]
fn keys_in_lower_case_do_not_hide_another_region() {
    let text = format!("{HEAD}{SECTION}")
        .replace("Properties", "properties")
        .replace("TaskDefinition", "taskdefinition")
        .replace(
            "CodeDeployHook_shop-before-install",
            "arn:aws:lambda:us-east-1:111122223333:function:CodeDeployHook_shop-before-install",
        );
    let [one] = &issues_in(&text)[..] else { panic!("{:?}", issues_in(&text)) };
    assert!(
        one.diagnostic.message.contains("in us-east-1, but the task definition is in eu-west-1"),
        "{}",
        one.diagnostic
    );
}

#[test]
fn a_template_is_called_one_and_json_is_not_called_yaml() {
    let template = "{\n  \"version\": 0.0,\n  \"Hooks\": [\n    %{ if SMOKE }\n    {}\n    %{ endif }\n  ]\n}\n";
    for is_json_file in [true, false] {
        let [one] = &validate(template, is_json_file, &ValidationContext::default())[..] else { panic!() };
        assert!(one.diagnostic.message.starts_with("not JSON: "), "{}", one.diagnostic);
        assert!(
            one.diagnostic.message.ends_with("the file is a template (it has `%{`): check what it renders to"),
            "{}",
            one.diagnostic
        );
    }
}
