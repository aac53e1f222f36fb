//! How the functions are set up, and their gate files.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hook_core::{
    Hook, gate_file,
    survey::{Fault, Gate, faults_of_settings, wants},
};
use rehearsal::{FunctionName, FunctionRef};
use serde_json::Value;

use super::{
    super::facts::{EventSettings, Facts, Gated, Group, Kin, Look, SetUp, Vpc, Wired, elsewhere},
    Asked, Looker, all,
};
use crate::args::rehearsed;

/// What Lambda does where nothing is set.
const RETRIES: u64 = 2;
const AGE: u64 = 6 * 60 * 60;

/// What Lambda says of a function that is not there.
const NONE: [&str; 1] = ["ResourceNotFoundException"];

/// Everything about the functions that an AppSpec file names.
pub async fn functions(
    looker: &Looker,
    asked: &Asked,
    hooks: Vec<(String, String)>,
    group: Option<&Group>,
) -> Vec<Wired> {
    let place = [&asked.application, &asked.group, &asked.region].map(Clone::clone);
    let given = asked.gate.as_ref().map(|source| (source.name.clone(), source.text.clone()));
    let looks = hooks.into_iter().map(|(event, written)| {
        let (looker, place, given) = (looker.clone(), place.clone(), given.clone());
        let is_here = elsewhere(&written, &asked.region, group).is_none();
        async move {
            // One of the same name that is here would say nothing of the other.
            if is_here { wired(&looker, event, written, &place, given).await } else { unseen(event, written) }
        }
    });
    all(looks).await
}

async fn wired(
    looker: &Looker,
    event: String,
    written: String,
    place: &[String; 3],
    given: Option<(String, String)>,
) -> Wired {
    let (name, qualifier) = parts(&written);
    let (set_up, events) = tokio::join!(
        looker.survey.function(&name, qualifier.as_deref()),
        looker.survey.event_settings(&name, qualifier.as_deref()),
    );
    let set_up = looker.note(format!("how {name} is set up"), set_up.map(|it| read(&it)), &NONE);
    let events = match &set_up {
        // The same would be said of it once more.
        Look::Missing(_) => Look::Unseen,
        _ => looker.note(format!("the event settings of {name}"), events.map(|it| it.map(|it| settings(&it))), &[]),
    };
    let gate = match (kin(&name), set_up.seen()) {
        (Kin::Hook(hook), Some(set_up)) => gate(looker, &name, hook, set_up, place, given).await,
        _ => Gated::default(),
    };
    Wired { set_up, events, gate, ..unseen(event, written) }
}

/// A function of which no more is known than its name.
fn unseen(event: String, written: String) -> Wired {
    let (name, qualifier) = parts(&written);
    let is = kin(&name);
    Wired {
        event,
        written,
        name,
        qualifier,
        is,
        set_up: Look::Unseen,
        events: Look::Unseen,
        gate: Gated::default(),
        needs: Vec::new(),
        calls: BTreeSet::new(),
        foreseen: Vec::new(),
    }
}

/// Name and qualifier of a function, as an AppSpec file names it: by its name or its ARN.
pub fn parts(written: &str) -> (String, Option<String>) {
    let name = written.split_once(":function:").map_or(written, |(_, name)| name);
    match name.split_once(':') {
        Some((name, "$LATEST")) => (name.to_owned(), None),
        Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
        None => (name.to_owned(), None),
    }
}

/// Which of the functions it is, by its name: as `greenlight appspec` knows it.
fn kin(name: &str) -> Kin {
    let named = FunctionRef { home: None, name: name.to_owned(), qualifier: None };
    match named.function() {
        Some(FunctionName::LastAnswer) => Kin::LastAnswer,
        Some(FunctionName::Hook(own)) => {
            Hook::ALL.into_iter().find(|hook| rehearsed(*hook) == own).map_or(Kin::Stranger, Kin::Hook)
        }
        None => Kin::Stranger,
    }
}

fn read(value: &Value) -> SetUp {
    let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let vpc = &value["VpcConfig"];
    let texts = |member: &str| {
        let items = vpc[member].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let subnets = texts("SubnetIds");
    let variables = &value["Environment"];
    let unread = !variables["Error"].is_null();
    let variables = variables["Variables"].as_object().into_iter().flatten();
    let variables = variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    SetUp {
        arn: text("FunctionArn"),
        role: text("Role"),
        timeout: Duration::from_secs(value["Timeout"].as_u64().unwrap_or_default()),
        state: text("State"),
        variables: (!unread).then(|| variables.collect()),
        vpc: (!subnets.is_empty()).then(|| Vpc {
            id: vpc["VpcId"].as_str().unwrap_or_default().to_owned(),
            subnets,
            groups: texts("SecurityGroupIds"),
            ipv6: vpc["Ipv6AllowedForDualStack"].as_bool().unwrap_or_default(),
        }),
    }
}

fn settings(value: &Value) -> EventSettings {
    let destination = value["DestinationConfig"]["OnFailure"]["Destination"].as_str();
    EventSettings {
        retries: value["MaximumRetryAttempts"].as_u64().unwrap_or(RETRIES),
        age: Duration::from_secs(value["MaximumEventAgeInSeconds"].as_u64().unwrap_or(AGE)),
        on_failure: destination.filter(|arn| !arn.is_empty()).map(str::to_owned),
    }
}

/// The gate file that a hook would read, and what it would want by it.
async fn gate(
    looker: &Looker,
    name: &str,
    hook: Hook,
    set_up: &SetUp,
    [application, group, region]: &[String; 3],
    given: Option<(String, String)>,
) -> Gated {
    let Some(variables) = &set_up.variables else {
        let why = "they are encrypted with a key that these credentials may not use";
        looker.could_not(format!("the variables of {name}"), Some("kms:Decrypt"), why);
        return Gated::default();
    };
    let found = match given {
        Some((title, text)) => Gate::Text { title, text },
        // What cannot be used of the variables has a finding of its own.
        None if !faults_of_settings(variables).is_empty() => Gate::None,
        None => looker.survey.gate(variables, application, group).await,
    };
    let of = |title: String, text: Option<String>| {
        let place = (application.as_str(), group.as_str(), region.as_str());
        let faults = text.as_deref().map(gate_file::check).unwrap_or_default();
        let wants = wants(hook, text.as_deref(), place, variables).ok();
        Gated { title, text, missing: None, faults, wants }
    };
    // What is not known of a gate file is told as that. Most only add to the built-in checks, so these are looked at.
    let built_in = || of("the built-in checks".to_owned(), None);
    match found {
        Gate::None => built_in(),
        Gate::Text { title, text } => of(title, Some(text)),
        Gate::Missing { title, why } => Gated { title, missing: Some(why), ..Gated::default() },
        Gate::InPackage(path) => {
            let why = "it is in the functions' package, where nobody else sees it; give it with --gate FILE";
            looker.could_not(format!("the gate file {path}"), None, why);
            built_in()
        }
        Gate::Unread { title, fault: Fault { operation, detail, .. } } => {
            looker.could_not(format!("the {title}"), Some(operation), detail);
            built_in()
        }
    }
}

/// Whether a gate file has checks of its own for a hook.
pub fn own_checks(hook: Hook, text: &str, facts: &Facts) -> bool {
    let place = (facts.application.as_str(), facts.group_name.as_str(), facts.region.as_str());
    wants(hook, Some(text), place, &BTreeMap::new()).is_ok_and(|wants| wants.has_own)
}

/// The functions that hear of invocations that failed, as far as they are here.
pub async fn nets(
    looker: &Looker,
    functions: &[Wired],
    region: &str,
    group: Option<&Group>,
) -> BTreeMap<String, Look<SetUp>> {
    let settings = functions.iter().filter_map(|wired| wired.events.seen()?.as_ref());
    let mut arns: Vec<_> = settings.filter_map(|settings| settings.on_failure.clone()).collect();
    // A queue or a topic answers nobody, and that is a finding.
    arns.retain(|arn| arn.contains(":function:") && elsewhere(arn, region, group).is_none());
    arns.sort();
    arns.dedup();
    let looks = arns.into_iter().map(|arn| {
        let looker = looker.clone();
        async move {
            let (name, qualifier) = parts(&arn);
            let set_up = looker.survey.function(&name, qualifier.as_deref()).await;
            let look = looker.note(format!("how {name} is set up"), set_up.map(|it| read(&it)), &NONE);
            (arn, look)
        }
    });
    all(looks).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_name_or_its_arn() {
        let own = |name: &str, qualifier: Option<&str>| (name.to_owned(), qualifier.map(str::to_owned));
        assert_eq!(parts("f"), own("f", None));
        assert_eq!(parts("f:live"), own("f", Some("live")));
        assert_eq!(parts("f:$LATEST"), own("f", None));
        assert_eq!(parts("arn:aws:lambda:eu-west-1:1:function:f"), own("f", None));
        assert_eq!(parts("arn:aws:lambda:eu-west-1:1:function:f:3"), own("f", Some("3")));
    }

    #[test]
    fn an_arn_says_where_its_function_is() {
        let group = Group { role: "arn:aws:iam::1:role/r".into(), ..Group::default() };
        let other = |written: &str, group: Option<&Group>| elsewhere(written, "eu-west-1", group);
        assert_eq!(other("f", Some(&group)), None);
        assert_eq!(other("arn:aws:lambda:eu-west-1:1:function:f", Some(&group)), None);
        assert_eq!(other("arn:aws:lambda:eu-west-1:2:function:f", Some(&group)).as_deref(), Some("account 2"));
        assert_eq!(other("2:function:f", Some(&group)).as_deref(), Some("account 2"));
        assert_eq!(other("arn:aws:lambda:eu-west-2:1:function:f", None).as_deref(), Some("region eu-west-2"));
        assert_eq!(other("arn:aws:lambda:eu-west-1:2:function:f", None), None);
    }

    #[test]
    fn what_lambda_leaves_out_or_cannot_decrypt_is_not_taken_for_empty() {
        let set_up = |environment: Value| {
            let value = serde_json::json!({ "Timeout": 3, "Environment": environment });
            read(&value).variables
        };
        assert_eq!(set_up(Value::Null), Some(BTreeMap::new()));
        let refused = serde_json::json!({ "Error": { "ErrorCode": "AccessDeniedException", "Message": "no" } });
        assert_eq!(set_up(refused), None);
        let lambdas = EventSettings { retries: 2, age: Duration::from_secs(21_600), on_failure: None };
        assert_eq!(settings(&serde_json::json!({ "DestinationConfig": { "OnFailure": {} } })), lambdas);
    }

    #[test]
    fn which_function_it_is_says_the_end_of_its_name() {
        assert_eq!(kin("CodeDeployHook_shop-before-install"), Kin::Hook(Hook::BeforeInstall));
        assert_eq!(kin("after-allow-traffic"), Kin::Hook(Hook::AfterAllowTraffic));
        assert_eq!(kin("CodeDeployHook_shop-last-answer"), Kin::LastAnswer);
        assert_eq!(kin("CodeDeployHook_smoke"), Kin::Stranger);
    }
}
