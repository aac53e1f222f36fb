//! `alarms:`: the state of CloudWatch alarms: those of the deployment group, and others by name, prefix or tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Check, Kind, Looking, Scene,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    aws::{Ask, Fault},
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Data, Fields, Named, Subject, Value},
    permissions::Need,
    target::Alarm,
};

pub const KIND: Kind = Kind { key: "alarms", read };

/// CloudWatch's word for an alarm that cannot tell.
const NO_DATA: &str = "INSUFFICIENT_DATA";

/// CloudWatch's states.
const STATES: &[&str] = &["OK", "ALARM", NO_DATA];

const SUBJECTS: &[Subject] = &[Subject::one_of("state", Code::AlarmFiring, STATES).optional()];

/// Which alarms: the union of what is said.
#[derive(Debug, Default)]
struct Selector {
    /// Those that CodeDeploy itself would watch.
    deployment_group: bool,
    names: Vec<String>,
    /// Those whose names begin so.
    prefixes: Vec<String>,
    /// Those that have all of these tags.
    tags: Vec<(String, String)>,
}

#[derive(Debug)]
struct Alarms {
    selector: Selector,
    pace: Pace,
    expect: Vec<Condition>,
    /// Leave out what was firing when the deployment was created: an old fire must not block its cure.
    new_only: bool,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let selector = selector(fields);
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(15), ..Pace::ONCE });
    let new_only = fields.flag_or("new_only", false);
    let expect = fields.expect_some(SUBJECTS);
    Some(Arc::new(Alarms { selector: selector?, pace, expect, new_only }))
}

fn selector(fields: &mut Fields<'_>) -> Option<Selector> {
    let node = fields.node("alarms")?;
    match &node.data {
        Data::Text(word) if word == "deployment-group" => {
            Some(Selector { deployment_group: true, ..Selector::default() })
        }
        Data::Map(_) => {
            let selector = fields.map_or("alarms", "`alarms`", |inner| Selector {
                deployment_group: inner.flag_or("deployment_group", false),
                names: inner.texts("names").into_iter().map(|(_, name)| name).collect(),
                prefixes: inner.texts("prefix").into_iter().map(|(_, prefix)| prefix).collect(),
                // `gate: true` is what people write for the tag `gate` with the value `true`.
                tags: inner.names("tags").into_iter().map(|(key, (_, value))| (key.name, value)).collect(),
            });
            let Selector { deployment_group, names, prefixes, tags } = &selector;
            if !deployment_group && names.is_empty() && prefixes.is_empty() && tags.is_empty() {
                fields.fault(
                    node.at,
                    "`alarms` names none; give it `names`, `prefix`, `tags` or `deployment_group: true`",
                );
            }
            if prefixes.iter().any(String::is_empty) {
                fields.fault(node.at, "an empty `prefix` would be every alarm of the account");
            }
            Some(selector)
        }
        other => {
            let form = "`alarms` is `deployment-group` or { names: […], prefix: …, tags: { … } }";
            fields.fault(node.at, format!("{form}, not {other}"));
            None
        }
    }
}

impl Check for Alarms {
    fn title(&self) -> String {
        let Selector { deployment_group, names, prefixes, tags } = &self.selector;
        let group = deployment_group.then(|| "of the deployment group".to_owned());
        let named = (!names.is_empty()).then(|| names.join(", "));
        let prefixes = prefixes.iter().map(|prefix| format!("{prefix}*"));
        let tagged = (!tags.is_empty()).then(|| format!("tagged {}", in_words(tags)));
        let parts: Vec<_> = group.into_iter().chain(named).chain(prefixes).chain(tagged).collect();
        format!("alarms {}", parts.join(" and "))
    }

    fn names(&self) -> Vec<Named> {
        let Selector { names, prefixes, tags, .. } = &self.selector;
        let tagged = (!tags.is_empty()).then(|| Named::AlarmsTagged(tags.clone()));
        let prefixes = prefixes.iter().cloned().map(Named::AlarmsThatBegin);
        names.iter().cloned().map(Named::Alarm).chain(prefixes).chain(tagged).collect()
    }

    fn needs(&self) -> Vec<Need> {
        let alarms = Need::new(Ask::Alarms, "to see the state of alarms");
        let tagged = || Need::new(Ask::TaggedAlarms, "to find the alarms that have a tag");
        [alarms].into_iter().chain((!self.selector.tags.is_empty()).then(tagged)).collect()
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let expect = match scene.rendered(&self.expect).await {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let mut names = self.selector.names.clone();
            if self.selector.deployment_group {
                match of_the_group(scene) {
                    Ok(own) => names.extend(own.iter().cloned()),
                    // With other alarms to look at, it is they that count.
                    Err(why) if self.selector.only_the_group() => return why,
                    Err(_) => {}
                }
            }
            let mut none = Vec::new();
            let mut unseen = None;
            if !self.selector.tags.is_empty() {
                // Who has which tags does not change while a deployment is watched.
                match scene.aws.tagged_alarms(&self.selector.tags).await {
                    Ok(tagged) if tagged.is_empty() => none.push(format!("tagged {}", in_words(&self.selector.tags))),
                    Ok(tagged) => names.extend(tagged),
                    Err(fault) if names.is_empty() && self.selector.prefixes.is_empty() => return fault.observed(),
                    // The others are watched all the same.
                    Err(fault) => unseen = Some(fault.observed()),
                }
            }
            let look = || async { Look::Now(self.once(scene, &expect, &names, &none).await) };
            let seen = self.pace.watch(scene, look).await;
            match unseen {
                Some(unseen) => worse(seen, unseen),
                None => seen,
            }
        })
    }
}

impl Selector {
    fn only_the_group(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty() && self.tags.is_empty()
    }
}

fn in_words(tags: &[(String, String)]) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// The names of the deployment group's alarms, or why there are none to look at.
fn of_the_group(scene: &Scene) -> Result<&[String], Observation> {
    let setting = &scene.target.alarms;
    let resource = format!("deployment group {}", scene.target.deployment.group);
    if setting.names.is_empty() {
        return Err(Observation::not_applicable(resource, "the deployment group has no alarms"));
    }
    if !setting.enabled {
        return Err(Observation::not_applicable(resource, "the deployment group's alarms are switched off"));
    }
    Ok(&setting.names)
}

impl Alarms {
    /// `none` are selectors that chose nothing.
    async fn once(&self, scene: &Scene, expect: &[Condition], names: &[String], none: &[String]) -> Observation {
        let mut faults = Vec::new();
        let mut names = names;
        let mut found = scene.aws.alarms(names).await.unwrap_or_else(|fault| {
            faults.push(fault);
            // Nobody knows whether they are missing.
            names = &[];
            Vec::new()
        });
        let mut none = none.to_vec();
        for prefix in &self.selector.prefixes {
            match scene.aws.alarms_that_begin(prefix).await {
                Ok(begin) if begin.is_empty() => none.push(format!("whose name begins with {prefix}")),
                Ok(begin) => found.extend(begin),
                Err(fault) => faults.push(fault),
            }
        }
        let mut all: Vec<&String> = names.iter().chain(found.iter().map(|alarm| &alarm.name)).collect();
        let mut seen = BTreeSet::new();
        all.retain(|name| seen.insert(*name));
        let mut excused = Vec::new();
        let mut worst: Option<Observation> = None;
        let nothing = none
            .iter()
            .map(|what| Observation::no_data(Code::AlarmMissing, "alarms", format!("an alarm {what}"), "none"));
        let each = all.iter().map(|name| {
            let alarm = found.iter().find(|alarm| alarm.name == **name);
            (alarm, one(expect, name, alarm))
        });
        let others = nothing.chain(faults.into_iter().map(Fault::observed));
        for (alarm, observation) in each.chain(others.map(|observation| (None, observation))) {
            if let Some(alarm) =
                alarm.filter(|alarm| self.new_only && !observation.holds() && was_firing_before(alarm, scene))
            {
                excused.push(format!("{} was firing already when the deployment was created", alarm.name));
                continue;
            }
            worst = match worst {
                None => Some(observation),
                // The first of the worst outcomes is the reason; all that is wrong is evidence.
                Some(before) if observation.holds() => Some(before),
                Some(before) if before.holds() => Some(observation.with(before.details)),
                Some(before) => Some(worse(before, observation)),
            };
        }
        let fine = || {
            let resource = if let [one] = all[..] { format!("alarm {one}") } else { format!("{} alarms", all.len()) };
            Observation::passed(resource, expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", "))
        };
        match worst {
            Some(observation) if observation.holds() => fine().with(excused),
            Some(observation) => observation.with(excused),
            None if all.is_empty() => Observation::no_data(Code::AlarmMissing, "alarms", "an alarm to look at", "none"),
            None if excused.is_empty() => fine(),
            None => Observation { seen: "nothing new".to_owned(), ..fine() }.with(excused),
        }
    }
}

fn one(expect: &[Condition], name: &str, alarm: Option<&Alarm>) -> Observation {
    let resource = format!("alarm {name}");
    let facts = alarm.map(|alarm| ("state", Value::Text(alarm.state.clone())));
    let facts = BTreeMap::from_iter(facts);
    let missing = |condition: &Condition, _: &str| {
        Observation::no_data(Code::AlarmMissing, &resource, condition.to_string(), "no such alarm")
    };
    let mut observation = judge(&resource, expect, &facts, missing);
    match alarm {
        None if observation.outcome == Outcome::Failed => {
            observation = Observation { seen: "no such alarm".to_owned(), ..observation }
                .but(Outcome::Failed, Code::AlarmMissing);
        }
        // Whoever names this state has an opinion about it.
        Some(alarm) if alarm.state == NO_DATA && !expect.iter().any(|condition| condition.names(NO_DATA)) => {
            let expected = expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
            observation =
                Observation::no_data(Code::AlarmNoData, resource, expected, NO_DATA).with([alarm.reason.clone()]);
        }
        Some(alarm) if !observation.holds() && !alarm.reason.is_empty() => {
            observation.details.insert(0, alarm.reason.clone());
        }
        _ => {}
    }
    observation
}

/// The worse of two, with the other one as evidence: what is false weighs more than what is not known.
fn worse(before: Observation, after: Observation) -> Observation {
    let rank = |seen: &Observation| (seen.holds(), seen.outcome);
    let (worst, other) = if rank(&after) < rank(&before) { (after, before) } else { (before, after) };
    let worst = worst.counting(&other);
    let told = tell(&other);
    worst.with(other.details).with([told])
}

fn tell(observation: &Observation) -> String {
    format!("{}: {}", observation.resource, observation.seen)
}

/// Whether it came into this state before the deployment was created. Both times are AWS's, so no clock of ours
/// matters; without one of them the answer is no, and the alarm counts.
fn was_firing_before(alarm: &Alarm, scene: &Scene) -> bool {
    alarm.state == "ALARM"
        && matches!((alarm.since, scene.target.deployment.created), (Some(since), Some(created)) if since < created)
}
