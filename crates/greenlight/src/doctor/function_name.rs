//! The name or ARN of a function, as an AppSpec file or a destination writes it. Unlike `rehearsal::FunctionRef`, this
//! accepts every text: a wrong name is a finding and not a reason to stop.

use hook_core::Hook;
use rehearsal::{FunctionName, FunctionRef};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// One of the five hook functions.
    Hook(Hook),
    /// The on-failure handler.
    OnFailure,
    /// A function that is not Greenlight's.
    Other,
}

/// Splits a function's name or ARN into name and qualifier.
pub fn split_qualifier(written: &str) -> (String, Option<String>) {
    let name = written.split_once(":function:").map_or(written, |(_, name)| name);
    match name.split_once(':') {
        Some((name, "$LATEST")) => (name.to_owned(), None),
        Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
        None => (name.to_owned(), None),
    }
}

/// The account or region of a function, such as `account 1`, if it is not the given one. `None` also if the name has
/// no account or region, or the given account is not known.
pub fn other_account_or_region(written: &str, region: &str, account: Option<&str>) -> Option<String> {
    let (account_and_region, _) = written.split_once(":function:")?;
    let mut from_the_end = account_and_region.rsplit(':');
    let (own_account, own_region) = (from_the_end.next()?, from_the_end.next());
    if let Some(other) = own_region.filter(|own| *own != region) {
        return Some(format!("region {other}"));
    }
    (own_account != account?).then(|| format!("account {own_account}"))
}

/// Identifies a function by its name, in the same way as `greenlight appspec`.
pub fn function_kind(name: &str) -> FunctionKind {
    let named = FunctionRef { account_region: None, name: name.to_owned(), qualifier: None };
    match named.function() {
        Some(FunctionName::OnFailure) => FunctionKind::OnFailure,
        Some(FunctionName::Hook(hook)) => FunctionKind::Hook(hook),
        None => FunctionKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_name_or_its_arn() {
        let own = |name: &str, qualifier: Option<&str>| (name.to_owned(), qualifier.map(str::to_owned));
        assert_eq!(split_qualifier("f"), own("f", None));
        assert_eq!(split_qualifier("f:live"), own("f", Some("live")));
        assert_eq!(split_qualifier("f:$LATEST"), own("f", None));
        assert_eq!(split_qualifier("arn:aws:lambda:eu-west-1:1:function:f"), own("f", None));
        assert_eq!(split_qualifier("arn:aws:lambda:eu-west-1:1:function:f:3"), own("f", Some("3")));
    }

    #[test]
    fn an_arn_says_where_its_function_is() {
        let other = |written: &str, account: Option<&str>| other_account_or_region(written, "eu-west-1", account);
        assert_eq!(other("f", Some("1")), None);
        assert_eq!(other("arn:aws:lambda:eu-west-1:1:function:f", Some("1")), None);
        assert_eq!(other("arn:aws:lambda:eu-west-1:2:function:f", Some("1")).as_deref(), Some("account 2"));
        assert_eq!(other("2:function:f", Some("1")).as_deref(), Some("account 2"));
        assert_eq!(other("arn:aws:lambda:eu-west-2:1:function:f", None).as_deref(), Some("region eu-west-2"));
        assert_eq!(other("arn:aws:lambda:eu-west-1:2:function:f", None), None);
    }

    #[test]
    fn the_end_of_the_name_says_which_function_it_is() {
        assert_eq!(function_kind("CodeDeployHook_shop-before-install"), FunctionKind::Hook(Hook::BeforeInstall));
        assert_eq!(function_kind("after-allow-traffic"), FunctionKind::Hook(Hook::AfterAllowTraffic));
        assert_eq!(function_kind("CodeDeployHook_shop-on-failure"), FunctionKind::OnFailure);
        assert_eq!(function_kind("CodeDeployHook_smoke"), FunctionKind::Other);
    }
}
