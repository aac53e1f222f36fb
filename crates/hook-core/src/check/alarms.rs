//! `alarms:`: the state of CloudWatch alarms: those of the deployment group, and others by name, prefix or tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Check, Kind, Looking, Scene,
    alarm_memory::{AlarmMemory, Meanwhile},
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
/// CloudWatch's word for an alarm that it evaluated by a part of the data: a quota kept it from the rest.
const PARTIAL: &str = "PARTIAL_DATA";

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
        let history = || Need::new(Ask::AlarmHistory, "to see what an alarm did between two attempts");
        let history = (!self.pace.stay.is_zero()).then(history);
        [alarms].into_iter().chain(history).chain((!self.selector.tags.is_empty()).then(tagged)).collect()
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let expect = match scene.rendered(&self.expect).await {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let mut names = self.selector.names.clone();
            let mut notes = Vec::new();
            if self.selector.deployment_group {
                match of_the_group(scene) {
                    Ok(own) => names.extend(own.iter().cloned()),
                    // With other alarms to look at, it is they that count.
                    Err(why) if self.selector.only_the_group() => return why,
                    Err(why) => notes.push(format!("{}: {}", why.resource, why.seen)),
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
            let memory = self.memory(scene);
            let look = || self.once(scene, &expect, &names, &none, memory.as_ref());
            let seen = self.pace.watch(scene, look).await.with(notes);
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
    /// In a window, what alarms do between two attempts counts as well. It begins when traffic began to move or else now;
    /// where the alarms may take their time to become so, with the first attempt.
    fn memory(&self, scene: &Scene) -> Option<AlarmMemory> {
        let from = self.pace.within.is_zero().then(|| scene.traffic_since.unwrap_or_else(SystemTime::now));
        (!self.pace.stay.is_zero()).then(|| AlarmMemory::new(from))
    }

    /// `none` are selectors that chose nothing.
    async fn once(
        &self,
        scene: &Scene,
        expect: &[Condition],
        names: &[String],
        none: &[String],
        memory: Option<&AlarmMemory>,
    ) -> Look {
        let mut faults = Vec::new();
        let mut none = none.to_vec();
        let mut found = Vec::new();
        for prefix in &self.selector.prefixes {
            match scene.aws.alarms_that_begin(prefix).await {
                Ok(begin) if begin.is_empty() => none.push(format!("whose name begins with {prefix}")),
                Ok(begin) => found.extend(begin),
                Err(fault) => faults.push(fault),
            }
        }
        // One that was there at an earlier attempt and is not any more is missing.
        let mut named = names.to_vec();
        let seen_before = memory.map(AlarmMemory::names).unwrap_or_default();
        named.extend(seen_before.into_iter().filter(|name| !found.iter().any(|alarm: &Alarm| alarm.name == *name)));
        match scene.aws.alarms(&named).await {
            Ok(more) => found.extend(more),
            Err(fault) => {
                faults.push(fault);
                // Nobody knows whether they are missing.
                named.clear();
            }
        }
        let mut all: Vec<&String> = named.iter().chain(found.iter().map(|alarm| &alarm.name)).collect();
        let mut seen = BTreeSet::new();
        all.retain(|name| seen.insert(*name));
        let is_whole = faults.is_empty();
        let mut observations = Vec::new();
        for name in &all {
            let alarm = found.iter().find(|alarm| alarm.name == **name);
            observations.push((alarm, one(expect, name, alarm)));
            if let (Some(alarm), Some(memory)) = (alarm, memory) {
                let meanwhile = memory.meanwhile(scene, alarm).await;
                observations.extend(between(expect, alarm, meanwhile).map(|observation| (None, observation)));
            }
        }
        let nothing = none
            .iter()
            .map(|what| Observation::no_data(Code::AlarmMissing, "alarms", format!("an alarm {what}"), "none"));
        let others = nothing.chain(faults.into_iter().map(Fault::observed));
        let mut excused = Vec::new();
        let mut worst: Option<Observation> = None;
        for (alarm, observation) in observations.into_iter().chain(others.map(|observation| (None, observation))) {
            if let Some(alarm) =
                alarm.filter(|alarm| self.new_only && !observation.holds() && was_firing_before(alarm, scene))
            {
                excused.push(format!("{} was firing already when the deployment was created", alarm.name));
                continue;
            }
            worst = match worst {
                None => Some(observation),
                // The first of the worst outcomes is the reason; all that is wrong is evidence.
                Some(before) if is_fine(&observation) => Some(before),
                Some(before) if is_fine(&before) => Some(observation.with(before.details)),
                Some(before) => Some(worse(before, observation)),
            };
        }
        let fine = || {
            let resource = if let [one] = all[..] { format!("alarm {one}") } else { format!("{} alarms", all.len()) };
            Observation::passed(resource, joined(expect))
        };
        let observation = match worst {
            Some(observation) if is_fine(&observation) => fine().with(excused),
            Some(observation) => observation.with(excused),
            None if all.is_empty() => Observation::no_data(Code::AlarmMissing, "alarms", "an alarm to look at", "none"),
            None if excused.is_empty() => fine(),
            None => Observation { seen: "nothing new".to_owned(), ..fine() }.with(excused),
        };
        let only_errs = observation.outcomes().iter().all(|outcome| outcome == Outcome::Errored);
        match memory {
            Some(_) if is_whole => Look::Seamless(observation),
            Some(_) if only_errs => Look::Gap(observation),
            _ => Look::Now(observation),
        }
    }
}

/// Whether there is nothing to say of it.
fn is_fine(observation: &Observation) -> bool {
    observation.holds() && observation.outcome != Outcome::Doubtful
}

fn joined(expect: &[Condition]) -> String {
    expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ")
}

/// What is wrong with what an alarm did between two attempts. The state that it is in now is judged by itself.
fn between(expect: &[Condition], alarm: &Alarm, meanwhile: Meanwhile) -> Option<Observation> {
    let states = match meanwhile {
        Meanwhile::States(states) => states,
        Meanwhile::Unknown(why) => {
            let seen = format!("another state since the last attempt, and which one is not known: {why}");
            let resource = format!("alarm {}", alarm.name);
            return Some(Observation::no_data(Code::AlarmNotEvaluated, resource, joined(expect), seen));
        }
    };
    let wrong = states.into_iter().map(|change| {
        let then = Alarm { state: change.state, reason: change.reason, since: Some(change.at), ..alarm.clone() };
        one(expect, &alarm.name, Some(&Alarm { evaluation: None, ..then }))
    });
    let wrong = wrong.filter(|observation| !observation.holds());
    let worst = wrong.reduce(worse)?;
    Some(Observation { seen: format!("{} between two attempts", worst.seen), ..worst })
}

fn one(expect: &[Condition], name: &str, alarm: Option<&Alarm>) -> Observation {
    let resource = format!("alarm {name}");
    let facts = alarm.map(|alarm| ("state", Value::Text(alarm.state.clone())));
    let facts = BTreeMap::from_iter(facts);
    let missing = |condition: &Condition, _: &str| {
        Observation::no_data(Code::AlarmMissing, &resource, condition.to_string(), "no such alarm")
    };
    let observation = judge(&resource, expect, &facts, missing);
    let Some(alarm) = alarm else {
        let missing = observation.outcome == Outcome::Failed;
        return if missing {
            Observation { seen: "no such alarm".to_owned(), ..observation }.but(Outcome::Failed, Code::AlarmMissing)
        } else {
            observation
        };
    };
    let reason = Some(alarm.reason.clone()).filter(|reason| !reason.is_empty());
    let is_named = expect.iter().any(|condition| condition.names(&alarm.state));
    let no_data = |code, seen: String| Observation::no_data(code, &resource, joined(expect), seen).with(reason.clone());
    let observation = match alarm.state.as_str() {
        "OK" | "ALARM" if !observation.holds() => observation.led_by(reason.clone()),
        "OK" | "ALARM" => observation,
        // Whoever names this state has an opinion about it.
        _ if is_named && !observation.holds() => observation.led_by(reason.clone()),
        _ if is_named => observation,
        NO_DATA => no_data(Code::AlarmNoData, NO_DATA.to_owned()),
        other => {
            let unknown = no_data(Code::AlarmNotEvaluated, format!("{other}, which is not a state that is known here"));
            if observation.holds() { unknown } else { worse(observation, unknown) }
        }
    };
    match alarm.evaluation.as_deref() {
        None => observation,
        Some(PARTIAL) if is_fine(&observation) => {
            let seen = format!("{}, judged by a part of the data ({PARTIAL})", alarm.state);
            Observation { seen, ..observation }.but(Outcome::Doubtful, Code::AlarmNotEvaluated)
        }
        Some(PARTIAL) => observation,
        // The state is the last one that CloudWatch could find out.
        Some(why) => {
            let seen = format!("{}, and CloudWatch could not evaluate it ({why})", alarm.state);
            let unknown = no_data(Code::AlarmNotEvaluated, seen);
            if observation.holds() { unknown } else { worse(observation, unknown) }
        }
    }
}

/// The worse of two, with the other one as evidence: what is false weighs more than what is not known.
fn worse(before: Observation, after: Observation) -> Observation {
    // Of those that hold, the one that there is something to say of.
    let rank = |seen: &Observation| (seen.holds(), is_fine(seen), seen.outcome);
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
