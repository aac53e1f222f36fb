//! The gate file of a scenario: the shared file with short windows, the shared file with the scenario's changes to
//! single hooks, or the scenario's own text.

use anyhow::Context;
use lifecycle::Hook;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The gate file of scenarios without their own: the built-in checks, with short windows so that a rehearsal is quick.
const SHORT_WINDOWS: &str = include_str!("../../scenarios/gate.yaml");

/// The gate file in a scenario.
#[derive(Clone, Debug, PartialEq, JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum ScenarioGate {
    /// The complete text of a gate file.
    Text(String),
    /// Differences from the shared gate file, by hook. Maps are merged; everything else is replaced.
    Hooks(Map<String, Value>),
}

impl ScenarioGate {
    /// Returns the text of the gate file, with `more_alarms` in place of `{more_alarms}`.
    pub(crate) fn text(gate: Option<&Self>, more_alarms: &[String]) -> anyhow::Result<String> {
        match gate {
            None => Ok(SHORT_WINDOWS.to_owned()),
            Some(Self::Text(text)) => Ok(text.clone()),
            Some(Self::Hooks(hooks)) => {
                let file = merged_with_shared(hooks)?;
                let names: Vec<_> = more_alarms.iter().map(|name| format!("{name:?}")).collect();
                // JSON is YAML.
                Ok(serde_json::to_string_pretty(&file)?.replace("\"{more_alarms}\"", &names.join(", ")))
            }
        }
    }
}

impl ScenarioGate {
    /// What it has for a hook in place of the shared gate file, as YAML that a team can copy: a built-in check has all
    /// its times.
    pub(super) fn excerpt(&self, hook: Hook) -> anyhow::Result<Option<String>> {
        let Self::Hooks(hooks) = self else { return Ok(None) };
        let Some(mut own) = hooks.get(hook.key()).cloned() else { return Ok(None) };
        let file = merged_with_shared(hooks)?;
        if let Some(Value::Object(built_in)) = own.get_mut("built_in") {
            let merged = &file["hooks"][hook.key()]["built_in"];
            built_in.iter_mut().for_each(|(name, value)| *value = merged[name].clone());
        }
        Ok(Some(serde_saphyr::to_string(&json!({ "hooks": { hook.key(): own } }))?))
    }
}

fn merged_with_shared(hooks: &Map<String, Value>) -> anyhow::Result<Value> {
    let mut file: Value = serde_saphyr::from_str(SHORT_WINDOWS).context("cannot parse the shared gate file")?;
    merge(&mut file["hooks"], &Value::Object(hooks.clone()));
    Ok(file)
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario_gate(yaml: &str) -> ScenarioGate {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn what_a_scenario_says_about_a_hook_is_merged_into_the_shared_file() {
        let said = scenario_gate(
            "after_install:\n  built_in:\n    targets: { within: 1m }\nafter_allow_test_traffic:\n  checks:\n    \
             - { name: mine, alarms: { names: ['{more_alarms}'] } }",
        );
        let text = ScenarioGate::text(Some(&said), &["a".to_owned(), "b".to_owned()]).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        let targets = &file["hooks"]["after_install"]["built_in"]["targets"];
        assert_eq!((targets["within"].as_str(), targets["every"].as_str()), (Some("1m"), Some("100ms")));
        assert_eq!(file["hooks"]["after_allow_traffic"]["built_in"]["alarms"]["for"], "1500ms");
        let checks = file["hooks"]["after_allow_test_traffic"]["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 1, "a list is replaced");
        assert_eq!(checks[0]["alarms"]["names"], serde_json::json!(["a", "b"]));
    }

    #[test]
    fn a_text_is_the_whole_file_and_nothing_is_the_shared_one() {
        assert_eq!(ScenarioGate::text(Some(&scenario_gate("'version: 1'")), &[]).unwrap(), "version: 1");
        assert_eq!(ScenarioGate::text(None, &[]).unwrap(), SHORT_WINDOWS);
    }
}
