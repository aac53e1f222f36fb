//! `alarms:`: the state of CloudWatch alarms, those of the deployment group or others by name.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Check, Kind, Looking, Scene,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    aws::Fault,
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Data, Fields, Subject, Value},
    target::Alarm,
};

pub const KIND: Kind = Kind { key: "alarms", read };

/// CloudWatch's word for an alarm that cannot tell.
const NO_DATA: &str = "INSUFFICIENT_DATA";

const SUBJECTS: &[Subject] = &[Subject::new("state", Code::AlarmFiring)];

#[derive(Debug)]
enum Selector {
    /// Those that CodeDeploy itself would watch.
    DeploymentGroup,
    Names(Vec<String>),
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
    let new_only = fields.flag("new_only").unwrap_or(false);
    let expect = fields.expect_some(SUBJECTS);
    Some(Arc::new(Alarms { selector: selector?, pace, expect, new_only }))
}

fn selector(fields: &mut Fields<'_>) -> Option<Selector> {
    let node = fields.node("alarms")?;
    match &node.data {
        Data::Text(word) if word == "deployment-group" => Some(Selector::DeploymentGroup),
        Data::Map(_) => {
            let mut inner = Fields::of(node, "alarms", fields.reading())?;
            let names: Vec<_> = inner.texts("names").into_iter().map(|(_, name)| name).collect();
            if names.is_empty() {
                inner.fault(node.at, "`alarms` names none; give it `names`");
            }
            inner.finish();
            Some(Selector::Names(names))
        }
        other => {
            fields.fault(node.at, format!("`alarms` is `deployment-group` or {{ names: […] }}, not {other}"));
            None
        }
    }
}

impl Check for Alarms {
    fn title(&self) -> String {
        match &self.selector {
            Selector::DeploymentGroup => "alarms of the deployment group".to_owned(),
            Selector::Names(names) => format!("alarms {}", names.join(", ")),
        }
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let names = match &self.selector {
                Selector::Names(names) => names,
                Selector::DeploymentGroup => {
                    let setting = &scene.target.alarms;
                    let resource = format!("deployment group {}", scene.target.deployment.group);
                    if setting.names.is_empty() {
                        return Observation::not_applicable(resource, "the deployment group has no alarms");
                    }
                    if !setting.enabled {
                        return Observation::not_applicable(resource, "the deployment group's alarms are switched off");
                    }
                    &setting.names
                }
            };
            self.pace
                .watch(scene, || async { Look::Now(self.once(scene, names).await.unwrap_or_else(Fault::observed)) })
                .await
        })
    }
}

impl Alarms {
    async fn once(&self, scene: &Scene, names: &[String]) -> Result<Observation, Fault> {
        let found = scene.aws.alarms(names).await?;
        let mut excused = Vec::new();
        let mut worst: Option<Observation> = None;
        for name in names {
            let alarm = found.iter().find(|alarm| alarm.name == *name);
            let observation = self.one(name, alarm);
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
                Some(before) if severity(&observation) < severity(&before) => {
                    let told = tell(&before);
                    Some(observation.with(before.details).with([told]))
                }
                Some(before) => {
                    let told = tell(&observation);
                    Some(before.with([told]))
                }
            };
        }
        let all = || {
            let resource = if let [one] = names { format!("alarm {one}") } else { format!("{} alarms", names.len()) };
            Observation::passed(resource, self.expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", "))
        };
        Ok(match worst {
            Some(observation) if observation.holds() => all().with(excused),
            Some(observation) => observation.with(excused),
            None if excused.is_empty() => all(),
            None => Observation { seen: "nothing new".to_owned(), ..all() }.with(excused),
        })
    }

    fn one(&self, name: &str, alarm: Option<&Alarm>) -> Observation {
        let resource = format!("alarm {name}");
        let facts = alarm.map(|alarm| ("state", Value::Text(alarm.state.clone())));
        let facts = BTreeMap::from_iter(facts);
        let missing = |condition: &Condition, _: &str| {
            Observation::no_data(Code::AlarmMissing, &resource, condition.to_string(), "no such alarm")
        };
        let mut observation = judge(&resource, &self.expect, &facts, missing);
        match alarm {
            None if observation.outcome == Outcome::Failed => {
                observation = Observation { seen: "no such alarm".to_owned(), ..observation }
                    .but(Outcome::Failed, Code::AlarmMissing);
            }
            // Whoever names this state has an opinion about it.
            Some(alarm) if alarm.state == NO_DATA && !self.expect.iter().any(|condition| condition.names(NO_DATA)) => {
                let expected = self.expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
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
}

/// What is false weighs more than what is not known.
fn severity(observation: &Observation) -> Outcome {
    observation.outcome
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
