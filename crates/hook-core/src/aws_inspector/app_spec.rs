//! The hooks of an AppSpec file.

use gate::{YamlNode, YamlValue};

/// The hooks in an AppSpec file, with event and function as it has them. `None` if it cannot be parsed.
pub fn app_spec_hooks(app_spec: &str) -> Option<Vec<(String, String)>> {
    let file = gate::parse_yaml(app_spec).ok()?;
    if !matches!(file.data, YamlValue::Map(_)) {
        return None;
    }
    let entries = |node: &YamlNode| match &node.data {
        YamlValue::Map(entries) => {
            let entry =
                |(key, function): &(gate::MapKey, YamlNode)| (key.name.clone(), function.as_text().map(str::to_owned));
            entries.iter().map(entry).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    let hooks = match file.get("Hooks").map(|hooks| (&hooks.data, hooks)) {
        Some((YamlValue::List(items), _)) => items.iter().flat_map(entries).collect(),
        Some((_, hooks)) => entries(hooks),
        None => Vec::new(),
    };
    Some(hooks.into_iter().filter_map(|(event, function)| Some((event, function?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_spec_names_its_hooks_as_a_list_or_as_a_map() {
        let own = |event: &str, function: &str| (event.to_owned(), function.to_owned());
        let list = "version: 0.0\nHooks:\n  - BeforeInstall: a\n  - AfterInstall: arn:aws:lambda:x\n";
        let both = Some(vec![own("BeforeInstall", "a"), own("AfterInstall", "arn:aws:lambda:x")]);
        assert_eq!(app_spec_hooks(list), both);
        let json = r#"{"version":0.0,"Hooks":[{"BeforeInstall":"a"},{"AfterInstall":"arn:aws:lambda:x"}]}"#;
        assert_eq!(app_spec_hooks(json), both);
        assert_eq!(app_spec_hooks("version: 0.0"), Some(Vec::new()));
        assert_eq!(app_spec_hooks("Hooks: null"), Some(Vec::new()));
        assert_eq!(app_spec_hooks("]"), None);
    }
}
