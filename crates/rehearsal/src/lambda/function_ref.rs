//! A reference to a function, as an AppSpec file writes it: a name or an ARN. The end of the name identifies one of the
//! hook functions or the on-failure handler; any other name belongs to another function.

use std::{fmt, str::FromStr};

use crate::lambda::{FUNCTION_NAME_PREFIX, FunctionName};

/// The maximum length of a function name in Lambda, in characters.
const MAX_NAME_LEN: usize = 64;

/// The account and the region of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountRegion {
    /// The number of the account.
    pub account: String,
    pub region: String,
}

impl AccountRegion {
    /// Reads the account and the region from an ARN. `None` if it does not have both.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (arn, _, _, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        let both =
            arn == "arn" && !region.is_empty() && account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
        both.then(|| Self { account: account.to_owned(), region: region.to_owned() })
    }
}

impl fmt::Display for AccountRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", self.account, self.region)
    }
}

/// A parsed reference to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRef {
    /// The account and region of the function, if the reference is an ARN.
    pub account_region: Option<AccountRegion>,
    /// The name of the function.
    pub name: String,
    /// The alias or version, if there is one.
    pub qualifier: Option<String>,
}

impl FunctionRef {
    /// Which of the six functions it is, by the end of its name: `CodeDeployHook_shop-before-install`. The text between
    /// the prefix and that end depends on the stack.
    pub fn function(&self) -> Option<FunctionName> {
        let own = self.base_name();
        FunctionName::all_functions()
            .find(|it| own == it.program_name() || own.ends_with(&format!("-{}", it.program_name())))
    }

    /// The text that the stack adds to the names of its functions, such as `shop`. Empty if it adds nothing.
    pub fn suffix(&self) -> Option<&str> {
        let suffix = self.base_name().strip_suffix(self.function()?.program_name())?;
        Some(suffix.strip_suffix('-').unwrap_or(suffix))
    }

    /// Whether CodeDeploy's narrower managed roles are allowed to invoke it.
    pub fn has_prefix(&self) -> bool {
        self.name.starts_with(FUNCTION_NAME_PREFIX)
    }

    fn base_name(&self) -> &str {
        self.name.strip_prefix(FUNCTION_NAME_PREFIX).unwrap_or(&self.name)
    }
}

impl FromStr for FunctionRef {
    /// What is wrong with the reference, as a predicate for the subject "it".
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (home, rest) = match text.strip_prefix("arn:") {
            None => (None, text),
            Some(_) => {
                let parts: Vec<&str> = text.splitn(7, ':').collect();
                let &[_, _, service, _, _, kind, rest] = parts.as_slice() else {
                    return Err("is not a complete ARN, such as arn:aws:lambda:eu-west-1:111122223333:function:NAME");
                };
                if (service, kind) != ("lambda", "function") {
                    return Err("is the ARN of something other than a Lambda function");
                }
                (
                    Some(
                        AccountRegion::from_arn(text)
                            .ok_or("is an ARN without a region or an account of twelve digits")?,
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
            return Err("is not a function name: those have only letters, digits, hyphens and underscores");
        }
        if name.len() > MAX_NAME_LEN {
            return Err("is longer than 64 characters, Lambda's maximum for a name");
        }
        Ok(Self { account_region: home, name: name.to_owned(), qualifier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::Hook;

    #[test]
    fn the_end_of_a_name_says_which_function_it_is() {
        let function_of = |text: &str| text.parse::<FunctionRef>().unwrap().function();
        for function in FunctionName::all_functions() {
            let end = function.program_name();
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
        assert_eq!((hook.function(), hook.suffix()), (Some(Hook::AfterInstall.into()), Some("shop-web")));
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
            "arn:aws:lambda:eu-west-1:11112222333x:function:x",
            "arn:aws:lambda:eu-west-1:111122223333:function:",
            "<NAME>",
        ] {
            assert!(wrong.parse::<FunctionRef>().is_err(), "{wrong}");
        }
        assert!("x".repeat(65).parse::<FunctionRef>().is_err());
    }
}
