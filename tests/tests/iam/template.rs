//! `greenlight iam` names parameters of `infra/template.yaml` and prints a policy for `MorePolicyArns`. With both, the
//! roles of the template allow what the hooks call.

use std::collections::BTreeSet;

use greenlight_tests::{
    iam_requests::{APPLICATION, CLUSTER, DEPLOYMENT_GROUP, IamRequest, SERVICE},
    infra::{SamTemplate, Stack},
};
use hook_core::{
    Hook,
    permissions::{self, ArnNames, PermissionInputs, PolicyCondition},
};
use rehearsal::world::{ACCOUNT, REGION};

use super::{
    policy::PrintedPolicy,
    policy_output,
    subjects::{GateLocation, PolicyCase},
};

const TEMPLATE_NAMES: [(&str, &str); 4] =
    [("Application", APPLICATION), ("DeploymentGroup", DEPLOYMENT_GROUP), ("Cluster", CLUSTER), ("Service", SERVICE)];

fn stack(parameters: &[(&str, &str)]) -> Stack {
    SamTemplate::read().instantiate(TEMPLATE_NAMES.into_iter().chain(parameters.iter().copied())).unwrap()
}

fn role_allows(stack: &Stack, hook: Hook, request: &IamRequest) -> bool {
    stack.role_statements(hook.into()).iter().any(|it| it.effect == "Allow" && it.matches(request))
}

/// The requests that the template and the policy both deny, and those that both allow.
pub fn template_differences(subject: &PolicyCase, seen: &BTreeSet<IamRequest>) -> Vec<String> {
    let text = policy_output(subject, &[]);
    let (_, said) = text.split_once("\nIn infra/template.yaml\n").expect("the output has a section about the template");
    let parameters: Vec<_> =
        said.lines().filter_map(|line| line.strip_prefix("    ")).filter_map(|line| line.split_once('=')).collect();
    let stack = stack(&parameters);
    let mut more = PrintedPolicy::read(&policy_output(subject, &["--json", "--not-in-template"]));
    let mut faults = Vec::new();
    for request in seen {
        match (role_allows(&stack, subject.hook, request), more.allows(request)) {
            (false, false) => {
                faults.push(format!("neither the template nor the policy for `MorePolicyArns` allows {request:?}"))
            }
            (true, true) => {
                faults.push(format!("the template and the policy for `MorePolicyArns` both allow {request:?}"))
            }
            _ => {}
        }
    }
    if subject.gate.is_none()
        && subject.source == GateLocation::Inline
        && !said.starts_with("  its roles already allow this.\n")
    {
        faults.push(format!("the built-in checks need no parameter, but the output names one: {said}"));
    }
    faults
}

#[test]
fn roles_allow_every_permission_of_the_built_in_checks() {
    let some = |text: &str| Some(text.to_owned());
    let names = ArnNames {
        partition: None,
        region: some(REGION),
        account: some(ACCOUNT),
        application: some(APPLICATION),
        deployment_group: some(DEPLOYMENT_GROUP),
        cluster: some(CLUSTER),
        service: some(SERVICE),
    };
    let stack = stack(&[]);
    for hook in Hook::ALL {
        let table = permissions::required_permissions(None, hook, &PermissionInputs::default()).unwrap();
        assert!(table.len() > 8, "{table:?}");
        for it in table {
            let context = it.resource.condition(&names).into_iter();
            let context = context.map(|PolicyCondition { key, mut values, .. }| (key, values.remove(0))).collect();
            let request = IamRequest { action: it.action.to_owned(), resource: it.resource.arn(&names), context };
            assert!(role_allows(&stack, hook, &request), "the role of {hook:?} does not allow {request:?}");
        }
    }
}
