//! The built-in checks of all five hooks. Every hook includes all five, so that the first hook reports an error in the
//! part of a gate file that belongs to the last one.
//!
//! A file is parsed when it is first needed, and only once. A hook needs its own file, and those of the hooks whose
//! built-in checks the gate file can change.

use std::sync::OnceLock;

use lifecycle::Hook;

use super::{Diagnostic, YamlNode, YamlValue, parse};

/// The built-in checks of Greenlight.
pub static FILES: BuiltInFiles = BuiltInFiles::new(yaml_for);

/// The gate file that a hook uses when the team's gate file does not change it.
const fn yaml_for(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => include_str!("../built_in/before_install.yaml"),
        Hook::AfterInstall => include_str!("../built_in/after_install.yaml"),
        Hook::AfterAllowTestTraffic => include_str!("../built_in/after_allow_test_traffic.yaml"),
        Hook::BeforeAllowTraffic => include_str!("../built_in/before_allow_traffic.yaml"),
        Hook::AfterAllowTraffic => include_str!("../built_in/after_allow_traffic.yaml"),
    }
}

/// One gate file with built-in checks for each hook.
pub struct BuiltInFiles {
    yaml_for: fn(Hook) -> &'static str,
    /// The checks of each hook, in the order of the hooks, once they are parsed.
    checks: [OnceLock<Result<Vec<YamlNode>, Diagnostic>>; Hook::ALL.len()],
}

impl BuiltInFiles {
    pub const fn new(yaml_for: fn(Hook) -> &'static str) -> Self {
        Self { yaml_for, checks: [const { OnceLock::new() }; Hook::ALL.len()] }
    }

    /// The checks of a hook as nodes: a team's file can still change their keys.
    ///
    /// # Errors
    /// The file is not YAML.
    pub fn for_hook(&self, hook: Hook) -> Result<&[YamlNode], &Diagnostic> {
        let parsed = || {
            let file = parse((self.yaml_for)(hook))?;
            let checks = file.get("hooks").and_then(|hooks| hooks.get(hook.key())?.get("checks"));
            Ok(match checks.map(|checks| &checks.data) {
                Some(YamlValue::List(checks)) => checks.clone(),
                _ => Vec::new(),
            })
        };
        self.checks[hook as usize].get_or_init(parsed).as_deref()
    }

    /// The hooks whose file was parsed.
    #[cfg(test)]
    pub fn parsed(&self) -> Vec<Hook> {
        Hook::ALL.into_iter().filter(|hook| self.checks[*hook as usize].get().is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reading, diagnose_with, load_from};

    fn parsed_after_load(hook: Hook, file: Option<&str>) -> Vec<Hook> {
        let files = BuiltInFiles::new(yaml_for);
        load_from(&files, hook, file, Reading::Evaluate).unwrap();
        files.parsed()
    }

    #[test]
    fn only_the_file_of_the_hook_is_parsed() {
        for hook in Hook::ALL {
            assert_eq!(parsed_after_load(hook, None), [hook]);
            let policies = "version: 1\nmode: observe\ndefaults: { on_error: warn }";
            assert_eq!(parsed_after_load(hook, Some(policies)), [hook]);
        }
    }

    #[test]
    fn the_file_of_a_hook_that_the_gate_file_changes_is_parsed() {
        let later = "version: 1\nhooks: { after_allow_traffic: { built_in: { alarms: { for: 8m } } } }";
        assert_eq!(parsed_after_load(Hook::AfterInstall, Some(later)), [Hook::AfterInstall, Hook::AfterAllowTraffic]);
        let none = "version: 1\nhooks: { after_allow_traffic: { built_in: none, checks: none } }";
        assert_eq!(parsed_after_load(Hook::AfterInstall, Some(none)), [Hook::AfterInstall]);
        assert_eq!(parsed_after_load(Hook::AfterAllowTraffic, Some(none)), []);
        // A default for requests can be one that the built-in checks of a later hook cannot use.
        let defaults = "version: 1\ndefaults: { http: { timeout: 9s } }";
        assert_eq!(parsed_after_load(Hook::AfterInstall, Some(defaults)), Hook::ALL);
    }

    #[test]
    fn built_in_checks_alone_have_no_errors_and_no_warnings() {
        let all = Hook::ALL.map(|hook| format!("  {}: {{}}\n", hook.key())).concat();
        let files = BuiltInFiles::new(yaml_for);
        assert_eq!(diagnose_with(&files, &format!("version: 1\nhooks:\n{all}")), crate::Diagnostics::default());
        assert_eq!(files.parsed(), Hook::ALL);
    }

    #[test]
    fn a_default_that_a_later_hook_cannot_use_is_an_error_of_the_first_hook() {
        let file = "version: 1\ndefaults: { http: { timeout: 20m } }";
        let errors = load_from(&FILES, Hook::BeforeInstall, Some(file), Reading::Evaluate).unwrap_err();
        assert_eq!(errors, crate::check(file));
        assert!(errors.iter().any(|it| it.message.contains("`timeout` of 20m")), "{errors:?}");
    }
}
