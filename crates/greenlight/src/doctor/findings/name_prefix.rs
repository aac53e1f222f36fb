//! Names that CodeDeploy's narrower roles may not invoke.

use super::{Found, Kind};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "NamePrefix", find };

const PREFIX: &str = "CodeDeployHook_";

fn find(facts: &Facts) -> Vec<Found> {
    let others = facts.functions.iter().filter(|wired| !wired.name.starts_with(PREFIX));
    let found = others.map(|wired| Found {
        what: format!(
            "its name does not begin with {PREFIX}: AWS's managed policies but AWSCodeDeployRoleForECS let CodeDeploy invoke \
             no other, and the event fails with IAM_ROLE_PERMISSIONS"
        ),
        place: wired.name.clone(),
        fix: format!(
            "make it anew as {PREFIX}{} (a function cannot be renamed), and name that in the AppSpec file",
            wired.name
        ),
        command: None,
    });
    found.collect()
}
