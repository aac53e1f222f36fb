//! The template of the functions, `infra/template.yaml`, with its parameters filled in, as data for the tests.

mod intrinsics;
mod role;

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use regex_lite::Regex;
use rehearsal::FunctionName;
use serde_json::Value;

use self::intrinsics::{Resolver, as_list, as_text};
pub use self::role::{PLATFORM_STATEMENTS, RoleStatement, StatementLocation, denied_requests, permission_differences};
use crate::python::run_python;

/// The parameters without a default.
pub const REQUIRED_PARAMETERS: [(&str, &str); 2] = [("Application", "shop"), ("Cluster", "shop")];

/// Every parameter that gives a function more permissions.
pub const ALL_PARAMETERS: [(&str, &str); 15] = [
    ("Application", "shop"),
    ("DeploymentGroup", "web"),
    ("Cluster", "shop-cluster"),
    ("Service", "shop-service"),
    ("SecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/hook-??????"),
    ("SecretParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/token"),
    ("KmsKeyArns", "arn:aws:kms:eu-west-1:111122223333:key/shop"),
    ("AlarmsByTag", "yes"),
    ("Preflight", "yes"),
    ("AppSpecObjectArns", "arn:aws:s3:::shop-deployments/*"),
    ("TaskRoleArns", "arn:aws:iam::111122223333:role/shop-*"),
    ("TaskSecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/*"),
    ("TaskParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"),
    ("RepositoryArns", "arn:aws:ecr:eu-west-1:111122223333:repository/shop"),
    ("MorePolicyArns", "arn:aws:iam::111122223333:policy/one,arn:aws:iam::111122223333:policy/two"),
];

/// The template with its intrinsic functions in long form, such as `Fn::Sub`.
#[derive(Clone, Debug)]
pub struct SamTemplate(pub Value);

impl SamTemplate {
    /// Reads the template with cfn-lint's parser.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read() -> Self {
        static READ: OnceLock<Value> = OnceLock::new();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
        let read = READ.get_or_init(|| template_as_json(&path));
        Self(read.clone())
    }

    /// The stack that CloudFormation creates with these parameters.
    ///
    /// # Errors
    /// Why CloudFormation would refuse the parameters, in the template's words.
    pub fn instantiate<'a>(&self, given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Stack, Vec<String>> {
        let mut given: BTreeMap<_, _> = given.into_iter().collect();
        let (mut parameters, mut refused) = (BTreeMap::new(), Vec::new());
        for (name, parameter) in self.0["Parameters"].as_object().into_iter().flatten() {
            match parameter_value(parameter, given.remove(name.as_str())) {
                Ok(value) => drop(parameters.insert(name.clone(), value)),
                Err(why) => refused.push(format!("{name}: {why}")),
            }
        }
        assert!(given.is_empty(), "the template has no such parameters: {given:?}");
        if !refused.is_empty() {
            return Err(refused);
        }
        let resolver = Resolver { template: &self.0, parameters };
        for rule in self.0["Rules"].as_object().into_iter().flat_map(|rules| rules.values()) {
            if rule["RuleCondition"].is_null() || resolver.is_true(&rule["RuleCondition"]) {
                let broken = as_list(&rule["Assertions"]).iter().filter(|it| !resolver.is_true(&it["Assert"]));
                refused.extend(broken.map(|it| as_text(&it["AssertDescription"]).to_owned()));
            }
        }
        if refused.is_empty() { Ok(Stack::new(&resolver)) } else { Err(refused) }
    }
}

/// The given value, or the default.
fn parameter_value(parameter: &Value, given: Option<&str>) -> Result<Value, String> {
    let value = match (given, &parameter["Default"]) {
        (Some(given), _) => given.to_owned(),
        (None, Value::Null) => return Err("has no default".to_owned()),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    };
    if let Some(pattern) = parameter["AllowedPattern"].as_str() {
        // CloudFormation matches the pattern against the whole value.
        let pattern = Regex::new(&format!("^(?:{pattern})$")).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        if !pattern.is_match(&value) {
            return Err(as_text(&parameter["ConstraintDescription"]).to_owned());
        }
    }
    let is_list = parameter["Type"] == "CommaDelimitedList";
    // CloudFormation compares each item of a list.
    let own: Vec<_> = if is_list { value.split(',').collect() } else { vec![value.as_str()] };
    let words: Vec<_> = as_list(&parameter["AllowedValues"]).iter().map(ToString::to_string).collect();
    let is_word = |own: &&str| words.iter().any(|word| word.trim_matches('"') == *own);
    if !words.is_empty() && !own.iter().all(is_word) {
        return Err(format!("is not one of {}", words.join(", ")));
    }
    Ok(match as_text(&parameter["Type"]) {
        "CommaDelimitedList" => value.split(',').map(|item| Value::String(item.to_owned())).collect(),
        "Number" => Value::from(value.parse::<u64>().map_err(|error| error.to_string())?),
        _ => Value::String(value),
    })
}

/// Reads a CloudFormation template, with its intrinsic functions in long form.
///
/// # Panics
/// If it cannot be read.
pub fn template_as_json(template: &Path) -> Value {
    let json = run_python("infra/template.py", &[template.as_os_str()]).unwrap_or_else(|said| panic!("{said}"));
    serde_json::from_str(&json).expect("template.py prints JSON")
}

/// The stack that CloudFormation would create: resources and outputs, with all values filled in.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Resources by logical id. Those whose condition is false are left out.
    pub resources: BTreeMap<String, Value>,
    /// Outputs by name.
    pub outputs: BTreeMap<String, Value>,
}

impl Stack {
    fn new(resolver: &Resolver<'_>) -> Self {
        let made = |section: &str| -> BTreeMap<String, Value> {
            let resources = resolver.template[section].as_object().into_iter().flatten();
            let made =
                resources.filter(|(_, it)| it["Condition"].as_str().is_none_or(|name| resolver.condition_holds(name)));
            made.filter_map(|(name, it)| {
                // The resource's `Condition` is the name of one, so `resolve` must not see it as a call.
                let mut it = it.clone();
                it.as_object_mut()?.remove("Condition");
                Some((name.clone(), resolver.resolve(&it)?))
            })
            .collect()
        };
        Self { resources: made("Resources"), outputs: made("Outputs") }
    }

    /// The properties of a resource.
    ///
    /// # Panics
    /// If the stack does not have the resource.
    pub fn properties(&self, name: &str) -> &Value {
        let resource = self.resources.get(name).unwrap_or_else(|| panic!("the stack has no {name}"));
        &resource["Properties"]
    }

    /// Logical id and properties of all resources of a type.
    pub fn resources_of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let all = self.resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        all.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    }

    /// The properties of a function.
    pub fn function(&self, function: FunctionName) -> &Value {
        self.properties(&logical_id(function))
    }
}

/// The logical id of a function in the template.
pub fn logical_id(function: FunctionName) -> String {
    match function {
        FunctionName::Hook(hook) => hook.event_name().to_owned(),
        FunctionName::OnFailure => "OnFailure".to_owned(),
    }
}
