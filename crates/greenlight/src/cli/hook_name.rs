//! The hooks on the command line and in the files that it reads.

use hook_core::Hook;

/// Parses a hook from CodeDeploy's name for it, the name of its program, or its key in a gate file.
pub fn parse_hook(text: &str) -> Result<Hook, String> {
    let text = text.replace('-', "_");
    let is_named_so = |hook: &Hook| [hook.event_name(), hook.key()].iter().any(|name| name.eq_ignore_ascii_case(&text));
    let unknown = || format!("the hooks are {}", Hook::ALL.map(Hook::event_name).join(", "));
    Hook::ALL.into_iter().find(is_named_so).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_has_three_names() {
        for name in ["AfterInstall", "after-install", "after_install"] {
            assert_eq!(parse_hook(name), Ok(Hook::AfterInstall));
        }
        assert!(parse_hook("Install").unwrap_err().contains("BeforeInstall, AfterInstall"));
    }
}
