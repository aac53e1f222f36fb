//! `greenlight schema`: prints the JSON Schema of a kind of file, for editors.

use clap::ValueEnum;
use hook_core::gate_file;
use rehearsal::{Scenario, ServiceDescription};

use crate::{
    cli::{CommandError, CommandOutcome},
    terminal::Output,
};

/// The kinds of files that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaKind {
    /// The checks of the hooks
    GateFile,
    /// A service, for `rehearse --service`
    Service,
    /// A simulated deployment, for `rehearse --scenario`
    Scenario,
}

pub fn print_schema(kind: SchemaKind) -> Result<CommandOutcome, CommandError> {
    Output::stdout().print_json(&match kind {
        SchemaKind::GateFile => gate_file::schema(),
        SchemaKind::Service => ServiceDescription::json_schema(),
        SchemaKind::Scenario => Scenario::json_schema(),
    })?;
    Ok(CommandOutcome::Success)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::{Value, json};

    use super::*;

    fn is_valid(schema: &Value, file: &Value) -> bool {
        jsonschema::validator_for(schema).unwrap().is_valid(file)
    }

    #[test]
    fn every_scenario_of_the_library_follows_the_schema() {
        let validator = jsonschema::validator_for(&Scenario::json_schema()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rehearsal/scenarios");
        let mut count = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The shared gate file is not a scenario.
            if path.ends_with("gate.yaml") {
                continue;
            }
            let file: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let errors: Vec<_> = validator.iter_errors(&file).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            count += 1;
        }
        assert_eq!(count, Scenario::built_in().len());
    }

    #[test]
    fn an_editor_finds_what_the_parser_refuses() {
        let schema = Scenario::json_schema();
        let scenario = |behaviour: Value| json!({ "name": "x", "about": "X.", "deployments": [{ "behaviour": behaviour, "expect": { "outcome": "succeeded" } }] });
        assert!(is_valid(&schema, &scenario(json!({ "tasks_up": "3s" }))));
        for wrong in [
            json!({ "task_up": "3s" }),
            json!({ "tasks_up": 3 }),
            json!({ "test_listener": "never" }),
            json!({ "routes": { "/": { "status": "ok" } } }),
        ] {
            let file = scenario(wrong);
            assert!(!is_valid(&schema, &file), "{file}");
            assert!(Scenario::from_yaml(&file.to_string(), "x").is_err(), "{file}");
        }
        let service = ServiceDescription::json_schema();
        assert!(is_valid(&service, &json!({ "containers": [{ "name": "api" }], "rules": [{ "listener": "test" }] })));
        assert!(!is_valid(&service, &json!({ "rules": [{ "listener": "both" }] })));
    }

    /// An editor shows these descriptions, where a link of rustdoc is only noise.
    #[test]
    fn every_key_has_a_description_in_plain_text() {
        fn properties<'a>(schema: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
            match schema {
                Value::Object(members) => {
                    if let Some(Value::Object(own)) = members.get("properties") {
                        found.extend(own.iter().map(|(key, value)| (key.as_str(), value)));
                    }
                    members.values().for_each(|value| properties(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
                _ => {}
            }
        }
        for schema in [Scenario::json_schema(), ServiceDescription::json_schema()] {
            let mut found = Vec::new();
            properties(&schema, &mut found);
            assert!(found.len() > 20);
            for (key, property) in found {
                let text = property["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty() && !text.contains("[`"), "{key}: {text:?}");
            }
        }
    }
}
