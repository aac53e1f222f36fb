//! Names that CodeDeploy's narrower roles may not invoke. Where the deployment group's role may, it is no finding but a word
//! beside the name.

use rehearsal::PREFIX;

use super::{Found, Kind};
use crate::doctor::{
    facts::{Facts, Look, Wired},
    gather::invoke,
};

pub const KIND: Kind = Kind { code: "NamePrefix", find };

/// Whether a function has the name that CodeDeploy's roles allow.
pub fn has_prefix(wired: &Wired) -> bool {
    wired.name.starts_with(PREFIX)
}

fn find(facts: &Facts) -> Vec<Found> {
    let others = facts.functions.iter().filter(|wired| !has_prefix(wired) && !may_be_invoked(facts, wired));
    let found = others.map(|wired| Found {
        what: format!(
            "its name does not begin with {PREFIX}: AWS's managed policies but AWSCodeDeployRoleForECS let CodeDeploy invoke \
             no other, and the event fails with IAM_ROLE_PERMISSIONS"
        ),
        place: wired.name.clone(),
        fix: format!(
            "make it anew as {PREFIX}{} (a function cannot be renamed), and name that in the AppSpec file; or allow \
             lambda:InvokeFunction on it to CodeDeploy's role",
            wired.name
        ),
        command: None,
    });
    found.collect()
}

/// Whether the simulation says that CodeDeploy may invoke it.
fn may_be_invoked(facts: &Facts, wired: &Wired) -> bool {
    let question = facts.group.seen().zip(wired.set_up.seen()).map(|(group, set_up)| invoke(group, set_up));
    question.is_some_and(|question| facts.permits.get(&question) == Some(&Look::Seen(true)))
}
