//! Finds the functions to write into a Hooks section: those of a stack, those with a common prefix, or those on the
//! command line.

use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use hook_core::{Hook, aws_inspector::AwsInspector};
use rehearsal::{FUNCTION_NAME_PREFIX, FunctionName, FunctionRef};
use roxmltree::Node;
use serde_json::Value;

use super::lifecycle_events::nearest;
use crate::cli::{
    aws_xml::{self, ReplyNode as _},
    parse_hook,
};

/// `--function AfterInstall=NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionOverride {
    pub hook: Hook,
    pub function: String,
}

impl FromStr for FunctionOverride {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (event, function) = text.split_once('=').ok_or("expected EVENT=FUNCTION, such as AfterInstall=NAME")?;
        let hook = parse_hook(event).map_err(|names| match nearest(event, Hook::ALL.map(Hook::event_name)) {
            Some(near) => format!("`{event}` is not a hook; did you mean `{near}`?"),
            None => names,
        })?;
        let named: FunctionRef = function.parse().map_err(|why| format!("`{function}` {why}"))?;
        match named.function() {
            Some(FunctionName::Hook(whose)) if whose != hook => {
                Err(format!("`{function}` is the function of {whose}, and would put Failed at {hook}"))
            }
            Some(FunctionName::OnFailure) => Err("on-failure is not a hook".to_owned()),
            _ => Ok(Self { hook, function: function.to_owned() }),
        }
    }
}

/// Returns the name of each hook's function with this prefix, such as `CodeDeployHook_shop-before-install`.
///
/// # Errors
/// If a name would not be valid for a function.
pub fn with_prefix(prefix: &str) -> anyhow::Result<Vec<(Hook, String)>> {
    let name = |hook: Hook| {
        let name = format!("{prefix}{}", hook.program_name());
        let right = name.parse::<FunctionRef>().map_err(|why| anyhow!("`{name}` {why}"))?;
        if right.account_region.is_some() || right.function().is_none() {
            bail!("`{name}` does not name a hook function; its name must end in -{}", hook.program_name());
        }
        Ok((hook, name))
    };
    Hook::ALL.into_iter().map(name).collect()
}

/// The prefix of the function names in a stack with this suffix.
pub fn prefix_for(suffix: &str) -> String {
    format!("{FUNCTION_NAME_PREFIX}{suffix}{}", if suffix.is_empty() { "" } else { "-" })
}

/// Parses the outputs from what `aws cloudformation describe-stacks` or `sam list stack-outputs --output json` prints.
///
/// # Errors
/// If the text is something else.
pub fn parse_outputs(json: &str) -> anyhow::Result<Vec<(String, String)>> {
    let value: Value = serde_json::from_str(json).context("not JSON")?;
    let stacks = value.get("Stacks").and_then(Value::as_array);
    let list = match stacks.map(Vec::as_slice) {
        Some([one]) => one.get("Outputs"),
        Some([]) => bail!("it has no stack"),
        Some(_) => bail!("it has several stacks; add --stack-name to aws cloudformation describe-stacks"),
        None => value.get("Outputs").or(Some(&value)),
    };
    let list = list.and_then(Value::as_array);
    let list =
        list.context("no Outputs in it; expected what `aws cloudformation describe-stacks --stack-name NAME` prints")?;
    let text = |output: &Value, key: &str| output.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(list.iter().filter_map(|output| Some((text(output, "OutputKey")?, text(output, "OutputValue")?))).collect())
}

/// Reads the outputs of a stack, which is given by its name or its ARN.
///
/// # Errors
/// If CloudFormation returns an error.
pub async fn from_stack(survey: &AwsInspector, stack: &str) -> anyhow::Result<Vec<(String, String)>> {
    const OPERATION: &str = "cloudformation:DescribeStacks";
    let body = survey.query(OPERATION, &[("StackName", stack)]).await.map_err(|fault| anyhow!("{fault}"))?;
    let document = aws_xml::parse(OPERATION, &body).map_err(|fault| anyhow!("{fault}"))?;
    let one = document.root_element().child("DescribeStacksResult").and_then(|result| result.items("Stacks").next());
    let one = one.context("CloudFormation returned no description of it")?;
    let output =
        |output: Node<'_, '_>| (output.text_of("OutputKey").to_owned(), output.text_of("OutputValue").to_owned());
    Ok(one.items("Outputs").map(output).collect())
}

/// The functions that a stack's outputs name, such as `BeforeInstallName` or `BeforeInstallArn`.
///
/// # Errors
/// If an output is missing or is not a function's name or ARN.
pub fn from_outputs(outputs: &[(String, String)], arns: bool, hooks: &[Hook]) -> anyhow::Result<Vec<(Hook, String)>> {
    let end = if arns { "Arn" } else { "Name" };
    let key = |hook: &Hook| format!("{}{end}", hook.event_name());
    let output = |hook: &Hook| outputs.iter().find(|(name, _)| *name == key(hook)).map(|(_, value)| value.clone());
    let missing: Vec<String> = hooks.iter().filter(|hook| output(hook).is_none()).map(key).collect();
    if !missing.is_empty() {
        let there: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        bail!(
            "the stack lacks the outputs {} (it has {there}); was it created from infra/template.yaml?",
            missing.join(", ")
        );
    }
    let found: Vec<_> = hooks.iter().filter_map(|hook| Some((*hook, output(hook)?))).collect();
    for (hook, function) in &found {
        function
            .parse::<FunctionRef>()
            .map_err(|why| anyhow!("the output {} is {function:?}, which {why}", key(hook)))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_given_with_its_event() {
        let given: FunctionOverride = "after-install=CodeDeployHook_shop-after-install".parse().unwrap();
        assert_eq!(given.hook, Hook::AfterInstall);
        for (text, says) in [
            ("x", "expected EVENT=FUNCTION"),
            ("AfterInstal=x", "did you mean `AfterInstall`?"),
            ("AfterInstall=CodeDeployHook_before-install", "is the function of BeforeInstall"),
            ("AfterInstall=CodeDeployHook_on-failure", "is not a hook"),
            ("AfterInstall=a b", "is not a function name"),
        ] {
            let said = text.parse::<FunctionOverride>().unwrap_err();
            assert!(said.contains(says), "{said}");
        }
        assert!("AfterInstall=arn:aws:lambda:eu-west-1:111122223333:function:mine".parse::<FunctionOverride>().is_ok());
    }

    #[test]
    fn names_have_the_form_of_the_template() {
        let names = |suffix: &str| with_prefix(&prefix_for(suffix)).unwrap();
        assert_eq!(names("shop")[0].1, "CodeDeployHook_shop-before-install");
        assert_eq!(names("")[4].1, "CodeDeployHook_after-allow-traffic");
        assert!(with_prefix("CodeDeployHook_shop").unwrap_err().to_string().contains("end in -before-install"));
        assert!(with_prefix(&prefix_for(&"x".repeat(40))).is_err());
    }

    #[test]
    fn outputs_are_read_from_what_the_tools_print() {
        let list = r#"[{"OutputKey":"AfterInstallName","OutputValue":"CodeDeployHook_shop-after-install","Description":"x"},
                       {"OutputKey":"AfterInstallArn","OutputValue":"arn:aws:lambda:eu-west-1:111122223333:function:f"}]"#;
        let of = [Hook::AfterInstall];
        for json in
            [list.to_owned(), format!(r#"{{"Outputs":{list}}}"#), format!(r#"{{"Stacks":[{{"Outputs":{list}}}]}}"#)]
        {
            let outputs = parse_outputs(&json).unwrap();
            let named = from_outputs(&outputs, false, &of).unwrap();
            assert_eq!(named, [(Hook::AfterInstall, "CodeDeployHook_shop-after-install".to_owned())]);
            assert!(from_outputs(&outputs, true, &of).unwrap()[0].1.starts_with("arn:"));
            let said = from_outputs(&outputs, false, &Hook::ALL).unwrap_err().to_string();
            assert!(
                said.contains("lacks the outputs BeforeInstallName, AfterAllow") && said.contains("it has After"),
                "{said}"
            );
        }
        for (json, says) in [
            ("{", "not JSON"),
            ("{}", "no Outputs in it"),
            (r#"{"Stacks":[{},{}]}"#, "several"),
            (r#"{"Stacks":[{"StackName":"x"}]}"#, "no Outputs"),
        ] {
            let said = format!("{:#}", parse_outputs(json).unwrap_err());
            assert!(said.contains(says), "{said}");
        }
    }
}
