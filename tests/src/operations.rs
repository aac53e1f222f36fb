//! The AWS operations that the hooks call in a healthy deployment, with their built-in checks.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::{Exchange, FunctionName, Hook};

use crate::iam_requests::iam_requests;

/// What every hook calls.
const COMMON: [&str; 10] = [
    "codedeploy:GetDeployment",
    "codedeploy:GetDeploymentGroup",
    "codedeploy:GetDeploymentTarget",
    "codedeploy:ListDeploymentTargets",
    "codedeploy:PutLifecycleEventHookExecutionStatus",
    "ecs:DescribeServices",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
];

/// The operations that a hook calls, as `service:Operation`, sorted. A test runs each hook and compares.
pub fn operations(hook: Hook) -> Vec<&'static str> {
    let others: &[&str] = match hook {
        Hook::BeforeInstall => &["cloudwatch:DescribeAlarms", "ecs:ListTasks"],
        Hook::AfterInstall => &[
            "ecs:DescribeTaskDefinition",
            "ecs:DescribeTasks",
            "ecs:ListTasks",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
        Hook::AfterAllowTestTraffic => &[],
        Hook::BeforeAllowTraffic | Hook::AfterAllowTraffic => &[
            "cloudwatch:DescribeAlarms",
            "ecs:DescribeTasks",
            "ecs:ListTasks",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
    };
    let mut all = [&COMMON[..], others].concat();
    all.sort_unstable();
    all
}

/// The IAM actions that each function needed for its recorded requests.
pub fn iam_actions(exchanges: &[Exchange]) -> BTreeMap<FunctionName, BTreeSet<String>> {
    let mut actions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for exchange in exchanges {
        if let Some(function) = exchange.by {
            actions
                .entry(function)
                .or_default()
                .extend(iam_requests(exchange).into_iter().map(|request| request.action));
        }
    }
    actions
}
