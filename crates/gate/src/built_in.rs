//! The built-in checks of all five hooks. Every hook includes all five, so that the first hook reports an error in the
//! part of a gate file that belongs to the last one.

use lifecycle::Hook;

/// The gate file that a hook uses when the team's gate file does not change it.
pub const fn yaml_for(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => include_str!("../built_in/before_install.yaml"),
        Hook::AfterInstall => include_str!("../built_in/after_install.yaml"),
        Hook::AfterAllowTestTraffic => include_str!("../built_in/after_allow_test_traffic.yaml"),
        Hook::BeforeAllowTraffic => include_str!("../built_in/before_allow_traffic.yaml"),
        Hook::AfterAllowTraffic => include_str!("../built_in/after_allow_traffic.yaml"),
    }
}
