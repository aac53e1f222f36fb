//! The kinds of findings, in one file for each topic. They are pure functions of the snapshot. A new kind needs a
//! function in the file of its topic, a line in [`KINDS`], and a heading in docs/DOCTOR.md.

mod appspec;
mod deployment_group;
mod finding;
mod functions;
mod gate;
mod load_balancer;
mod network;
mod permissions;

use self::finding::FindingKind;
pub use self::{
    finding::{DoctorFinding, DoctorProblem},
    permissions::has_prefix,
};
use super::snapshot::AccountSnapshot;

/// All kinds, in the order in which to fix them: which functions CodeDeploy invokes, whether it can, whether it gets a
/// status, and whether the checks work. The code is also a heading in docs/DOCTOR.md.
const KINDS: [FindingKind; 32] = [
    FindingKind { code: "NoHooks", find: appspec::no_hooks },
    FindingKind { code: "FunctionMissing", find: functions::missing },
    FindingKind { code: "FunctionInOtherAccountOrRegion", find: appspec::in_other_account_or_region },
    FindingKind { code: "WrongEvent", find: appspec::wrong_event },
    FindingKind { code: "NamePrefix", find: permissions::name_prefix },
    FindingKind { code: "QualifiedFunctionName", find: appspec::qualified_function_name },
    FindingKind { code: "CannotInvoke", find: permissions::cannot_invoke },
    FindingKind { code: "FunctionNotActive", find: functions::not_active },
    FindingKind { code: "CannotPutStatus", find: permissions::cannot_put_status },
    FindingKind { code: "TimeoutTooShort", find: functions::timeout_too_short },
    FindingKind { code: "EventSettings", find: functions::event_settings },
    FindingKind { code: "NoFailureDestination", find: functions::no_failure_destination },
    FindingKind { code: "NobodyNotified", find: functions::nobody_notified },
    FindingKind { code: "NoEndpoint", find: network::no_endpoint },
    FindingKind { code: "EndpointIngressBlocked", find: network::endpoint_ingress_blocked },
    FindingKind { code: "EgressBlocked", find: network::egress_blocked },
    FindingKind { code: "LacksPermission", find: permissions::lacks_permission },
    FindingKind { code: "SettingsInvalid", find: functions::settings_invalid },
    FindingKind { code: "GateMissing", find: gate::missing },
    FindingKind { code: "GateInvalid", find: gate::invalid },
    FindingKind { code: "UnusedChecks", find: gate::unused_checks },
    FindingKind { code: "ReferenceMissing", find: gate::reference_missing },
    FindingKind { code: "TaskDefinitionMissing", find: appspec::task_definition_missing },
    FindingKind { code: "ListenerMissing", find: deployment_group::listener_missing },
    FindingKind { code: "NoTestListener", find: deployment_group::no_test_listener },
    FindingKind { code: "LoadBalancerInternal", find: load_balancer::internal },
    FindingKind { code: "NoInternetRoute", find: load_balancer::no_internet_route },
    FindingKind { code: "IngressBlocked", find: load_balancer::ingress_blocked },
    FindingKind { code: "RequestNotRoutable", find: load_balancer::request_not_routable },
    FindingKind { code: "RollbackDisabled", find: deployment_group::rollback_disabled },
    FindingKind { code: "NoAlarms", find: deployment_group::no_alarms },
    FindingKind { code: "AlarmMissing", find: deployment_group::alarm_missing },
];

/// Finds all problems.
pub fn all_findings(snapshot: &AccountSnapshot) -> Vec<DoctorFinding> {
    let findings_of = |kind: &FindingKind| {
        let code = kind.code;
        (kind.find)(snapshot).into_iter().map(move |problem| DoctorFinding { code, problem })
    };
    KINDS.iter().flat_map(findings_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::fixtures;

    #[test]
    fn the_manual_has_a_heading_for_each_in_this_order() {
        let manual = include_str!("../../../../../docs/DOCTOR.md");
        let headings: Vec<_> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let codes: Vec<_> = KINDS.iter().map(|kind| kind.code).collect();
        assert_eq!(headings, codes);
    }

    #[test]
    fn a_healthy_account_has_no_finding() {
        assert_eq!(all_findings(&fixtures::healthy_account()), []);
    }
}
