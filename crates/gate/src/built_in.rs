//! The built-in checks of all five hooks. Each gate file is in the crate of its hook. Every hook includes all five, so
//! that the first hook reports an error in the part of a gate file that belongs to the last one.

use lifecycle::Hook;

/// The gate file that a hook uses when the team's gate file does not change it.
pub const fn yaml_for(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => include_str!("../../before-install/default.yaml"),
        Hook::AfterInstall => include_str!("../../after-install/default.yaml"),
        Hook::AfterAllowTestTraffic => include_str!("../../after-allow-test-traffic/default.yaml"),
        Hook::BeforeAllowTraffic => include_str!("../../before-allow-traffic/default.yaml"),
        Hook::AfterAllowTraffic => include_str!("../../after-allow-traffic/default.yaml"),
    }
}
