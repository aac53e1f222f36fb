//! Resolves CloudFormation's intrinsic functions, as far as the templates here use them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The pseudo parameters of the tests' stacks.
const PSEUDO_PARAMETERS: [(&str, &str); 6] = [
    ("AWS::AccountId", "111122223333"),
    ("AWS::NoValue", ""),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "eu-west-1"),
    ("AWS::StackName", "greenlight"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// A template and the values of its parameters.
pub(super) struct Resolver<'a> {
    pub template: &'a Value,
    pub parameters: BTreeMap<String, Value>,
}

impl Resolver<'_> {
    /// Resolves the intrinsic functions in a value. `None` for `AWS::NoValue`.
    pub fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolve(item)).collect()),
            Value::Object(members) => match intrinsic_call(members) {
                Some((name, argument)) => self.call_function(name, argument),
                None => {
                    let members = members.iter().filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)));
                    Some(Value::Object(members.collect()))
                }
            },
            other => Some(other.clone()),
        }
    }

    fn call_function(&self, name: &str, argument: &Value) -> Option<Value> {
        if name == "Ref" && argument == "AWS::NoValue" {
            return None;
        }
        Some(match name {
            "Ref" => self.reference(as_text(argument)),
            "Fn::GetAtt" => Value::String(self.attribute(as_text(&argument[0]), as_text(&argument[1]))),
            "Fn::Sub" => Value::String(self.substitute(argument)),
            "Fn::If" => {
                return self.resolve(&argument[if self.condition_holds(as_text(&argument[0])) { 1 } else { 2 }]);
            }
            "Fn::Join" => {
                let items = self.resolve(&argument[1]).unwrap_or_default();
                let items: Vec<_> = as_list(&items).iter().map(as_text).collect();
                Value::String(items.join(as_text(&argument[0])))
            }
            "Fn::Split" => {
                let whole = self.resolve(&argument[1]).unwrap_or_default();
                as_text(&whole).split(as_text(&argument[0])).map(|part| Value::String(part.to_owned())).collect()
            }
            "Fn::Select" => {
                let items = self.resolve(&argument[1]).unwrap_or_default();
                items[argument[0].as_u64().map_or(0, |index| index as usize)].clone()
            }
            other => panic!("the tests do not implement {other}: {argument}"),
        })
    }

    fn reference(&self, name: &str) -> Value {
        if let Some(value) = self.parameters.get(name) {
            return value.clone();
        }
        if let Some((_, value)) = PSEUDO_PARAMETERS.iter().find(|(own, _)| *own == name) {
            return Value::String((*value).to_owned());
        }
        let resource = self.resource(name);
        if resource["Type"] == "AWS::SQS::Queue" {
            return Value::String(format!(
                "https://sqs.eu-west-1.amazonaws.com/111122223333/{}",
                self.queue_name(name)
            ));
        }
        let named = ["FunctionName", "LogGroupName"].map(|property| &resource["Properties"][property]);
        let named =
            named.into_iter().find(|value| !value.is_null() && resource["Type"] != "AWS::Lambda::EventInvokeConfig");
        named.and_then(|value| self.resolve(value)).unwrap_or_else(|| Value::String(name.to_owned()))
    }

    fn queue_name(&self, name: &str) -> String {
        let own = self.resolve(&self.resource(name)["Properties"]["QueueName"]);
        own.as_ref().and_then(Value::as_str).unwrap_or(name).to_owned()
    }

    /// ARNs of functions, log groups and queues, in AWS's format. Any other attribute is `NAME.ATTRIBUTE`.
    fn attribute(&self, name: &str, attribute: &str) -> String {
        let kind = as_text(&self.resource(name)["Type"]);
        let arn = |service: &str, rest: &str| {
            let own = self.reference(name);
            format!("arn:aws:{service}:eu-west-1:111122223333:{}", rest.replace("{}", as_text(&own)))
        };
        match (kind, attribute) {
            ("AWS::Serverless::Function", "Arn") => arn("lambda", "function:{}"),
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", "log-group:{}:*"),
            ("AWS::SQS::Queue", "Arn") => format!("arn:aws:sqs:eu-west-1:111122223333:{}", self.queue_name(name)),
            _ => format!("{name}.{attribute}"),
        }
    }

    fn resource(&self, name: &str) -> &Value {
        let resource = &self.template["Resources"][name];
        assert!(!resource.is_null(), "the template has no {name}");
        resource
    }

    fn substitute(&self, argument: &Value) -> String {
        let (pattern, own) = match argument {
            Value::Array(items) => (as_text(&items[0]), items[1].as_object()),
            pattern => (as_text(pattern), None),
        };
        let mut filled = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').expect("every ${ has a }");
            let value = match (own.and_then(|own| own.get(name)), name.split_once('.')) {
                (Some(value), _) => self.resolve(value).unwrap_or_default(),
                (None, Some((resource, attribute))) => Value::String(self.attribute(resource, attribute)),
                (None, None) => self.reference(name),
            };
            filled += before;
            filled += as_text(&value);
            rest = after;
        }
        filled + rest
    }

    /// Evaluates a named condition of the template.
    pub fn condition_holds(&self, condition: &str) -> bool {
        let condition_of = &self.template["Conditions"][condition];
        assert!(!condition_of.is_null(), "the template has no condition {condition}");
        self.is_true(condition_of)
    }

    /// Evaluates a condition, or the assertion of a rule.
    pub fn is_true(&self, condition: &Value) -> bool {
        let (name, argument) =
            condition.as_object().and_then(intrinsic_call).unwrap_or_else(|| panic!("{condition} is not a condition"));
        let mut all = argument.as_array().into_iter().flatten();
        let value = |index: usize| self.resolve(&argument[index]).unwrap_or_default();
        match name {
            "Condition" => self.condition_holds(as_text(argument)),
            "Fn::Equals" => value(0) == value(1),
            "Fn::Not" => !self.is_true(&argument[0]),
            "Fn::And" => all.all(|one| self.is_true(one)),
            "Fn::Or" => all.any(|one| self.is_true(one)),
            "Fn::Contains" => as_list(&value(0)).contains(&value(1)),
            "Fn::EachMemberEquals" => as_list(&value(0)).iter().all(|one| *one == value(1)),
            other => panic!("the tests do not implement the condition {other}"),
        }
    }
}

/// Name and argument of an intrinsic function, if the object is a call of one.
fn intrinsic_call(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next().filter(|_| members.len() == 1)?;
    // A policy statement has a member `Condition` too, but never as its only member, and never a string.
    let is_condition = name == "Condition" && argument.is_string();
    (name == "Ref" || name.starts_with("Fn::") || is_condition).then_some((name.as_str(), argument))
}

pub(super) fn as_text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string"))
}

pub(super) fn as_list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
