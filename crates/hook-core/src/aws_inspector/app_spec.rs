//! The hooks of an AppSpec file.

use gate::{YamlNode, YamlValue};

/// The hooks in an AppSpec file, with event and function as it has them. `None` if it cannot be parsed.
pub fn app_spec_hooks(app_spec: &str) -> Option<Vec<(String, String)>> {
    let file = gate::parse_yaml(app_spec).ok()?;
    if !matches!(file.data, YamlValue::Map(_)) {
        return None;
    }
    let hooks = file.get_ignoring_case("Hooks");
    let maps = match hooks.map(|hooks| &hooks.data) {
        Some(YamlValue::List(items)) => &items[..],
        _ => hooks.map(std::slice::from_ref).unwrap_or_default(),
    };
    let entries = maps.iter().flat_map(YamlNode::entries);
    Some(entries.filter_map(|(event, function)| Some((event.name.clone(), function.as_text()?.to_owned()))).collect())
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
        assert_eq!(app_spec_hooks(&list.replace("Hooks", "hooks")), both);
        assert_eq!(app_spec_hooks("version: 0.0"), Some(Vec::new()));
        assert_eq!(app_spec_hooks("Hooks: null"), Some(Vec::new()));
        assert_eq!(app_spec_hooks("]"), None);
    }
}
