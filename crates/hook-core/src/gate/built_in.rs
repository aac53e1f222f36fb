//! The built-in checks of all five hooks. Each stands beside the program that it is for; all are known here, so that a
//! fault in what a gate file says about the last hook shows at the first.

use crate::hook::Hook;

/// The gate file that says what a hook checks when nobody says anything else.
pub const fn yaml_for(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => include_str!("../../../before-install/default.yaml"),
        Hook::AfterInstall => include_str!("../../../after-install/default.yaml"),
        Hook::AfterAllowTestTraffic => include_str!("../../../after-allow-test-traffic/default.yaml"),
        Hook::BeforeAllowTraffic => include_str!("../../../before-allow-traffic/default.yaml"),
        Hook::AfterAllowTraffic => include_str!("../../../after-allow-traffic/default.yaml"),
    }
}
