//! Which task set a request on a listener is for.

use super::{Condition, Listener, TaskSet, World};

impl World {
    /// The target group to which a listener forwards a request now. `turn` counts the listener's requests, so that
    /// weights come out exactly and not by chance.
    pub fn forward<'a>(&'a self, listener: &'a Listener, host: &str, path: &str, turn: u64) -> Option<&'a str> {
        let mut rules: Vec<_> = listener.rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        let host = host.split(':').next().unwrap_or_default();
        let rule = rules.into_iter().find(|rule| {
            rule.conditions.iter().all(|condition| match condition {
                Condition::Host(patterns) => {
                    patterns.iter().any(|pattern| like(&pattern.to_lowercase(), &host.to_lowercase()))
                }
                Condition::Path(patterns) => patterns.iter().any(|pattern| like(pattern, path)),
            })
        });
        let weights = rule.map_or(&listener.default, |rule| &rule.forward);
        let sum: u64 = weights.iter().map(|(_, weight)| u64::try_from(*weight).unwrap_or(0)).sum();
        let mut at = turn.checked_rem(sum)?;
        for (group, weight) in weights {
            let weight = u64::try_from(*weight).unwrap_or(0);
            if at < weight {
                return Some(group);
            }
            at -= weight;
        }
        None
    }

    /// The task set behind a target group, if tasks of it run.
    pub fn behind(&self, group: &str) -> Option<&TaskSet> {
        let sets = &self.service.as_ref()?.task_sets;
        sets.iter().find(|set| set.target_group() == Some(group) && set.running > 0)
    }

    /// What runs in a task set.
    pub fn version_of(&self, set: &TaskSet) -> Option<&super::Version> {
        self.versions.iter().find(|version| version.task_definition == set.task_definition)
    }
}

/// Whether `text` is like `pattern`, in which `*` is any text and `?` any character.
fn like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| like(rest, &text[at..])),
        '?' => text.chars().next().is_some_and(|one| like(rest, &text[one.len_utf8()..])),
        _ => text.strip_prefix(first).is_some_and(|text| like(rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_wildcards() {
        assert!(like("*.example.com", "shop.example.com"));
        assert!(!like("*.example.com", "example.com"));
        assert!(like("/img/*", "/img/"));
        assert!(like("/a?c", "/abc"));
        assert!(!like("/a?c", "/ac"));
    }
}
