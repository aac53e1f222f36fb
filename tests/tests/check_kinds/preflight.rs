//! `preflight`.

use std::time::{Duration, SystemTime};

use greenlight_tests::HookCase;
use rehearsal::Hook;

use super::support::{UNRELATED, next_task_definition};

pub fn wiring() -> Vec<HookCase> {
    let gate = only!(
        "before_install",
        "{ name: preflight, preflight: [service, group, listener-wiring, test-listener, rollback, reachable] }"
    );
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title).gate(gate);
    vec![
        case("everything is in order").succeeds().check_outcome("preflight", "passed"),
        case("no test listener")
            .world(|world| world.deployment().pair.as_mut().unwrap().test = None)
            .world(|world| world.group.pair.as_mut().unwrap().test = None)
            .fails("NoListener"),
        case("the production listener forwards to another service")
            .world(|world| world.production().unwrap().default = vec![(UNRELATED.into(), 1)])
            .fails("ListenerMisconfigured"),
        case("the production listener also forwards to another service")
            .world(|world| world.production().unwrap().default.push((UNRELATED.into(), 10)))
            .fails("ListenerMisconfigured"),
        case("the production and the test listener are the same")
            .world(|world| {
                let pair = world.deployment().pair.as_mut().unwrap();
                pair.test = pair.production.clone();
            })
            .fails("ListenerMisconfigured"),
        case("the pair has only one target group")
            .world(|world| world.deployment().pair.as_mut().unwrap().target_groups.truncate(1))
            .fails("ListenerMisconfigured"),
        case("several things are wrong, and all are reported")
            .world(|world| {
                world.deployment().auto_rollback = None;
                world.group.auto_rollback = None;
                world.production().unwrap().default = vec![(UNRELATED.into(), 1)];
            })
            .fails("ListenerMisconfigured"),
        case("an empty list of items").gate(only!("before_install", "{ preflight: [] }")).fails("GateInvalid"),
        case("items that do not exist")
            .gate(only!("before_install", "{ preflight: [listener-wirings, purple] }"))
            .fails("GateInvalid"),
    ]
}

pub fn task_definition() -> Vec<HookCase> {
    use rehearsal::{FaultKind, InjectedFault, world::RevisionFormat};
    let gate = only!(
        "before_install",
        "{ name: preflight, preflight: [task-definition, log-groups, roles, secrets, images] }"
    );
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title).gate(gate);
    let each = |word: &'static str| match word {
        "log-groups" => only!("before_install", "{ preflight: log-groups }"),
        "roles" => only!("before_install", "{ preflight: roles }"),
        "secrets" => only!("before_install", "{ preflight: secrets }"),
        _ => only!("before_install", "{ preflight: images }"),
    };
    let mut cases = vec![
        case("everything exists").succeeds().check_outcome("preflight", "passed"),
        case("CodeDeploy reports the AppSpec file by its hash")
            .world(|world| world.deployment().revision.format = RevisionFormat::Hash)
            .succeeds(),
        case("the AppSpec file is a revision of the type String, which is read once")
            .world(|world| world.deployment().revision.format = RevisionFormat::RawString)
            .with_fault(InjectedFault::always("codedeploy:GetApplicationRevision", FaultKind::Deny))
            .succeeds()
            .check_outcome("preflight", "passed"),
        case("the AppSpec file is in S3")
            .world(|world| {
                let revision = &mut world.deployment().revision;
                revision.format = RevisionFormat::S3;
                let (bucket, key) = rehearsal::world::Revision::APP_SPEC_OBJECT;
                let text = revision.app_spec.clone();
                world.account.objects.insert(format!("{bucket}/{key}"), text);
            })
            .succeeds(),
        case("the AppSpec file is an older version of an object")
            .world(|world| {
                let revision = &mut world.deployment().revision;
                (revision.format, revision.version) =
                    (RevisionFormat::S3, Some("3HL4k qtJlc/pXroDTDmJ+rmSpXd3".into()));
                let (bucket, key) = rehearsal::world::Revision::APP_SPEC_OBJECT;
                let text = revision.app_spec.clone();
                let objects = &mut world.account.objects;
                objects.insert(format!("{bucket}/{key}?versionId=3HL4k qtJlc/pXroDTDmJ+rmSpXd3"), text);
                objects.insert(format!("{bucket}/{key}"), "version: 0.0".into());
            })
            .succeeds(),
        case("the role is not allowed to read that version")
            .world(|world| {
                let revision = &mut world.deployment().revision;
                (revision.format, revision.version) = (RevisionFormat::S3, Some("2".into()));
            })
            .with_fault(InjectedFault::always("s3:GetObject", FaultKind::Deny))
            .succeeds()
            .warns("NotPermittedToCheck"),
        case("the AppSpec file is missing in S3")
            .world(|world| world.deployment().revision.format = RevisionFormat::S3)
            .fails("AwsRejected")
            .check_outcome("preflight", "errored"),
        case("the AppSpec file names no task definition")
            .world(|world| world.deployment().revision.app_spec = "version: 0.0".into())
            .fails("TaskDefinitionNotActive"),
        case("the role is not allowed to read the AppSpec file")
            .world(|world| world.deployment().revision.format = RevisionFormat::Hash)
            .with_fault(InjectedFault::always("codedeploy:GetApplicationRevision", FaultKind::Deny))
            .succeeds()
            .warns("NotPermittedToCheck"),
        case("the task definition does not exist")
            .world(|world| drop(world.definitions.pop()))
            .fails("TaskDefinitionNotActive"),
        case("the task definition was deregistered")
            .world(|world| next_task_definition(world).status = "INACTIVE".into())
            .fails("TaskDefinitionNotActive"),
        case("the log group is missing").world(|world| world.account.log_groups.clear()).fails("LogGroupMissing"),
        case("only a log group whose name starts with the same text exists")
            .world(|world| world.account.log_groups = ["/ecs/web-old".to_owned()].into())
            .fails("LogGroupMissing"),
        case("the role is missing").world(|world| drop(world.account.roles.pop_last())).fails("RoleMissing"),
        case("the parameter is missing").world(|world| world.account.parameters.clear()).fails("SecretMissing"),
        case("the secret is missing").world(|world| world.account.secrets.clear()).fails("SecretMissing"),
        case("the secret is scheduled for deletion")
            .world(|world| {
                let now = SystemTime::now();
                world.account.secrets.values_mut().for_each(|secret| secret.deleted = Some(now));
            })
            .fails("SecretMissing"),
        case("the secret of a private registry, by name")
            .world(|world| {
                world.account.put_secret("shop/registry", "sesame");
                next_task_definition(world).containers[0].registry = Some("shop/registry".into());
            })
            .succeeds(),
        case("the secret of a private registry is missing")
            .world(|world| next_task_definition(world).containers[0].registry = Some("shop/registry".into()))
            .fails("SecretMissing"),
        case("a failed item decides, although another item cannot be checked")
            .gate(only!(
                "before_install",
                "{ name: preflight, preflight: [rollback, images], on_fail: warn, on_error: fail }"
            ))
            .world(|world| {
                world.deployment().auto_rollback = None;
                world.group.auto_rollback = None;
            })
            .with_fault(InjectedFault::always("ecr:DescribeImages", FaultKind::Throttle))
            .fails("RollbackNotConfigured")
            .check_outcome("preflight", "failed"),
        case("the image is missing")
            .world(|world| world.account.images.retain(|name, _| !name.ends_with("1.42.0")))
            .fails("ImageMissing"),
        case("the repository is missing").world(|world| world.account.images.clear()).fails("ImageMissing"),
        case("an image of a pull-through cache that was never pulled")
            .world(|world| {
                let name = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx:1.29";
                next_task_definition(world).containers[0].image = name.into();
            })
            .succeeds()
            .warns("NotPermittedToCheck"),
        case("an image of a pull-through cache, and another image is missing")
            .world(|world| {
                let mut other = next_task_definition(world).containers[0].clone();
                other.name = "proxy".into();
                other.image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx:1.29".into();
                next_task_definition(world).containers.push(other);
                world.account.images.retain(|name, _| !name.ends_with("1.42.0"));
            })
            .fails("ImageMissing"),
        case("an image of a public registry")
            .world(|world| next_task_definition(world).containers[0].image = "public.ecr.aws/nginx/nginx:1.29".into())
            .succeeds(),
        case("several things are missing, and all are reported")
            .world(|world| {
                world.account.log_groups.clear();
                world.account.parameters.clear();
            })
            .fails("LogGroupMissing"),
        case("a missing item decides, although the role is not allowed to check another item")
            .world(|world| world.account.log_groups.clear())
            .with_fault(InjectedFault::always("iam:GetRole", FaultKind::Deny))
            .fails("LogGroupMissing"),
        case("AWS throttles every first call").with_fault(InjectedFault::first(1, "*", FaultKind::Throttle)).succeeds(),
        HookCase::new(Hook::AfterInstall, "after Install, the task set's task definition counts")
            .gate(only!("after_install", "{ preflight: [task-definition, images] }"))
            .world(|world| world.deployment().revision.app_spec.clear())
            .succeeds(),
    ];
    for (word, operation) in [
        ("log-groups", "logs:DescribeLogGroups"),
        ("roles", "iam:GetRole"),
        ("secrets", "ssm:GetParameters"),
        ("secrets", "secretsmanager:DescribeSecret"),
        ("images", "ecr:DescribeImages"),
    ] {
        let denied = HookCase::new(Hook::BeforeInstall, &format!("not permitted: {operation}")).gate(each(word));
        cases.push(
            denied
                .with_fault(InjectedFault::always(operation, FaultKind::Deny))
                .succeeds()
                .warns("NotPermittedToCheck"),
        );
        let fails = HookCase::new(Hook::BeforeInstall, &format!("AWS fails: {operation}")).gate(each(word));
        // The check reads two roles one after the other, each with retries. That takes longer than the usual timeout.
        let fails =
            fails.with_fault(InjectedFault::always(operation, FaultKind::Fail)).timeout(Duration::from_secs(20));
        cases.push(fails.fails("AwsFailed"));
        let lost = HookCase::new(Hook::BeforeInstall, &format!("one reply is cut off: {operation}")).gate(each(word));
        cases.push(lost.with_fault(InjectedFault::first(1, operation, FaultKind::Truncate)).succeeds());
        let page = HookCase::new(Hook::BeforeInstall, &format!("a proxy's page instead of a reply: {operation}"))
            .gate(each(word));
        let page =
            page.with_fault(InjectedFault::always(operation, FaultKind::WrongType)).timeout(Duration::from_secs(20));
        cases.push(page.fails("AwsFailed"));
    }
    cases
}
