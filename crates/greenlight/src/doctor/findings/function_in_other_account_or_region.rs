//! A function is in another account or region.

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::AccountSnapshot;

pub const KIND: FindingKind = FindingKind { code: "FunctionInOtherAccountOrRegion", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let elsewhere = facts
        .functions
        .iter()
        .filter_map(|wired| Some((wired, facts.other_account_or_region(&wired.name_in_app_spec)?)));
    let found = elsewhere.map(|(wired, place)| DoctorProblem {
        message: format!(
            "the AppSpec file names it for {}, but it is in {place}: CodeDeploy only invokes functions in the \
             deployment group's account and region",
            wired.event
        ),
        resource: wired.name_in_app_spec.clone(),
        fix: format!(
            "deploy {} in {} in the deployment group's account, and name that function",
            wired.name, facts.region
        ),
        command: None,
    });
    found.collect()
}
