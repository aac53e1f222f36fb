//! A gate file that is not where the function looks for it.

use hook_core::shell::quote;

use super::{Found, Kind, together};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "GateMissing", find };

fn find(facts: &Facts) -> Vec<Found> {
    let missing = facts.functions.iter().map(|wired| {
        let gate = &wired.gate;
        (wired, gate.missing.as_ref().map(|why| (gate.title.clone(), why.clone())))
    });
    let found = together(missing).map(|((title, why), functions)| {
        let name = title.trim_start_matches("gate file ").to_owned();
        let command = match name.strip_prefix("ssm:") {
            Some(name) => {
                format!("aws ssm put-parameter --name {} --type String --value file://greenlight.yaml", quote(name))
            }
            None => format!("aws s3 cp greenlight.yaml {}", quote(&name)),
        };
        Found {
            what: format!("the {title} cannot be read, and so every answer is Failed: {why}"),
            place: functions.join(", "),
            fix: "put it there, or correct the variable that names it".to_owned(),
            command: Some(command),
        }
    });
    found.collect()
}
