//! Descriptions of the world for the timeline of a rehearsal.

use crate::world::{Listener, TaskDefinition, TaskSet, World};

impl World {
    /// What a lifecycle event without a hook has done.
    pub(crate) fn describe_event(&mut self, event: &str) -> String {
        match event {
            "Install" => match self.green().cloned() {
                Some(green) => {
                    let group = green.target_group().map(|arn| self.group_name(arn)).unwrap_or_default();
                    let definition = self.definition_of(&green);
                    let tasks =
                        if green.desired == 1 { "1 task".to_owned() } else { format!("{} tasks", green.desired) };
                    format!(
                        "replacement task set {} ({definition}) created with {tasks}; its target group is {group}",
                        green.id
                    )
                }
                None => "no replacement task set was created".to_owned(),
            },
            "AllowTestTraffic" => {
                let listener = self.test().cloned();
                self.describe_listener("test", listener)
            }
            "AllowTraffic" => {
                let listener = self.production().cloned();
                self.describe_listener("production", listener)
            }
            _ => String::new(),
        }
    }

    fn describe_listener(&mut self, which: &str, listener: Option<Listener>) -> String {
        let green = self.green().and_then(|set| set.target_group().map(str::to_owned)).unwrap_or_default();
        let name = self.group_name(&green);
        match listener {
            None => format!("there is no {which} listener"),
            Some(listener) if weights(&listener) == [(green.as_str(), 100)] => {
                format!("{which} listener now forwards 100 % to {name}")
            }
            Some(listener) => {
                let now: Vec<_> = weights(&listener)
                    .iter()
                    .map(|(arn, share)| format!("{share} % to {}", self.group_name(arn)))
                    .collect();
                format!("{which} listener is switching to {name}; it still forwards {}", now.join(", "))
            }
        }
    }

    /// Which task sets serve customers: `task set ecs-svc/… (version 1.41.0)`.
    pub(crate) fn describe_serving(&mut self) -> String {
        let Some(listener) = self.production().cloned() else {
            return "nothing: there is no production listener".to_owned();
        };
        let shares = weights(&listener);
        let descriptions = shares.iter().map(|(arn, share)| {
            let who = match self.task_set_behind(arn) {
                Some(set) => format!(
                    "task set {} (version {})",
                    set.id,
                    self.version_of(set).map_or("?", |version| &version.name)
                ),
                None => format!("nobody (target group {} has no running tasks)", self.group_name(arn)),
            };
            if shares.len() == 1 { who } else { format!("{share} % {who}") }
        });
        descriptions.collect::<Vec<_>>().join(" and ")
    }

    /// Whether the version of the replacement serves customers, or a part of them.
    pub(crate) fn replacement_serves(&mut self) -> bool {
        let (Some(green), Some(listener)) = (self.green().cloned(), self.production().cloned()) else { return false };
        let newest = self.version_of(&green).map(|version| &version.name);
        let mut serving = weights(&listener).into_iter().filter_map(|(arn, _)| self.task_set_behind(arn));
        newest.is_some() && serving.any(|set| self.version_of(set).map(|version| &version.name) == newest)
    }

    fn group_name(&self, arn: &str) -> String {
        self.target_groups
            .iter()
            .find(|group| group.arn == arn)
            .map_or_else(|| arn.to_owned(), |group| group.name.clone())
    }

    fn definition_of(&self, set: &TaskSet) -> String {
        let found = self.definitions.iter().find(|definition| definition.arn == set.task_definition);
        found.map_or_else(|| set.task_definition.clone(), TaskDefinition::title)
    }
}

/// The target groups that receive traffic, with their shares in per cent. If the default rule does not forward, the
/// first rule that does stands for the listener.
fn weights(listener: &Listener) -> Vec<(&str, i32)> {
    let own = [&listener.default].into_iter().chain(listener.rules.iter().map(|rule| &rule.forward));
    let forward = own.into_iter().find(|forward| !forward.is_empty()).unwrap_or(&listener.default);
    let sum: i32 = forward.iter().map(|(_, weight)| weight).sum();
    let given = forward.iter().filter(|(_, weight)| *weight > 0);
    given.map(|(arn, weight)| (arn.as_str(), weight * 100 / sum.max(1))).collect()
}
