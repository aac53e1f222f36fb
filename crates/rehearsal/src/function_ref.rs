//! How an AppSpec file names a function: by its name or by its ARN. What the name says is the function's part: a hook of
//! these, the net, or somebody else's.

use std::{fmt, str::FromStr};

use crate::function_name::FunctionName;

/// What the names of functions begin with that CodeDeploy's narrower roles may invoke.
pub const FUNCTION_NAME_PREFIX: &str = "CodeDeployHook_";

/// As long as Lambda lets a name be.
const MAX_NAME_LEN: usize = 64;

/// Where something is: the account and the region of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountRegion {
    /// The account's number.
    pub account: String,
    /// The region.
    pub region: String,
}

impl AccountRegion {
    /// What an ARN says, where it says both.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (arn, _, _, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        let both = arn == "arn" && !region.is_empty() && account.len() == 12;
        both.then(|| Self { account: account.to_owned(), region: region.to_owned() })
    }
}

impl fmt::Display for AccountRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", self.account, self.region)
    }
}

/// A function as somebody names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRef {
    /// Where it is, if it is named by its ARN.
    pub account_region: Option<AccountRegion>,
    /// Its name.
    pub name: String,
    /// An alias or a version of it.
    pub qualifier: Option<String>,
}

impl FunctionRef {
    /// Which of the six it is, by the end of its name: `CodeDeployHook_shop-before-install`. Stacks differ in what stands
    /// between the prefix and that end.
    pub fn function(&self) -> Option<FunctionName> {
        let own = self.base_name();
        FunctionName::all_functions().find(|it| own == it.binary() || own.ends_with(&format!("-{}", it.binary())))
    }

    /// What its stack adds to the names of its functions: `shop`. Empty where it adds nothing.
    pub fn suffix(&self) -> Option<&str> {
        let suffix = self.base_name().strip_suffix(self.function()?.binary())?;
        Some(suffix.strip_suffix('-').unwrap_or(suffix))
    }

    /// Whether CodeDeploy's narrower managed roles may invoke it.
    pub fn has_prefix(&self) -> bool {
        self.name.starts_with(FUNCTION_NAME_PREFIX)
    }

    fn base_name(&self) -> &str {
        self.name.strip_prefix(FUNCTION_NAME_PREFIX).unwrap_or(&self.name)
    }
}

impl FromStr for FunctionRef {
    /// What is wrong with it, after the word "it".
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (home, rest) = match text.strip_prefix("arn:") {
            None => (None, text),
            Some(_) => {
                let parts: Vec<&str> = text.splitn(7, ':').collect();
                let &[_, _, service, _, _, kind, rest] = parts.as_slice() else {
                    return Err("is no whole ARN, such as arn:aws:lambda:eu-west-1:111122223333:function:NAME");
                };
                if (service, kind) != ("lambda", "function") {
                    return Err("is the ARN of something else than a Lambda function");
                }
                (
                    Some(
                        AccountRegion::from_arn(text)
                            .ok_or("is an ARN without an account of twelve digits and a region")?,
                    ),
                    rest,
                )
            }
        };
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
            None => (rest, None),
        };
        let is_in_names = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_in_names) {
            return Err("is no name of a function: those have letters, digits, hyphens and underscores");
        }
        if name.len() > MAX_NAME_LEN {
            return Err("is longer than the 64 characters that Lambda gives a name");
        }
        Ok(Self { account_region: home, name: name.to_owned(), qualifier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook_name::HookName;

    #[test]
    fn the_end_of_a_name_says_which_function_it_is() {
        let function_of = |text: &str| text.parse::<FunctionRef>().unwrap().function();
        for function in FunctionName::all_functions() {
            let end = function.binary();
            for name in [
                end.to_owned(),
                format!("shop-{end}"),
                format!("{FUNCTION_NAME_PREFIX}{end}"),
                format!("{FUNCTION_NAME_PREFIX}shop-{end}"),
            ] {
                assert_eq!(function_of(&name), Some(function), "{name}");
                assert_eq!(
                    function_of(&format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}")),
                    Some(function)
                );
            }
        }
        for other in ["CodeDeployHook_smoke", "CodeDeployHook_shopbefore-install", "before_install", "AfterInstall"] {
            assert_eq!(function_of(other), None, "{other}");
        }
        let hook = "CodeDeployHook_shop-web-after-install:live".parse::<FunctionRef>().unwrap();
        assert_eq!((hook.function(), hook.suffix()), (Some(HookName::AfterInstall.into()), Some("shop-web")));
        assert_eq!(hook.qualifier.as_deref(), Some("live"));
        assert_eq!("CodeDeployHook_after-install".parse::<FunctionRef>().unwrap().suffix(), Some(""));
    }

    #[test]
    fn an_arn_says_where_the_function_is() {
        let hook = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:3";
        let hook: FunctionRef = hook.parse().unwrap();
        assert_eq!(hook.account_region.unwrap().to_string(), "account 111122223333 in eu-west-1");
        assert_eq!((hook.name.as_str(), hook.qualifier.as_deref()), ("CodeDeployHook_after-install", Some("3")));
        for wrong in [
            "",
            "a b",
            "arn:aws:lambda:eu-west-1",
            "arn:aws:ecs:eu-west-1:111122223333:service:web",
            "arn:aws:lambda::111122223333:function:x",
            "arn:aws:lambda:eu-west-1:111122223333:function:",
            "<NAME>",
        ] {
            assert!(wrong.parse::<FunctionRef>().is_err(), "{wrong}");
        }
        assert!("x".repeat(65).parse::<FunctionRef>().is_err());
    }
}
