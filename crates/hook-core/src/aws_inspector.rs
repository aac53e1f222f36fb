//! Inspects an account before a deployment, to find out whether the functions will work: read operations, the resources
//! that a gate file needs, and how the functions read their variables. It cannot put a status, and the functions do not
//! use it.

mod app_spec;

use std::{collections::BTreeMap, time::Duration};

pub use aws_client::{
    AppSpecLocation, AwsError, Existence,
    model::{
        Action, Listener, Patterns, Rule, RuleCondition, TargetGroup, TaskDefinition, TaskSet,
        task_definition_in_app_spec,
    },
};
use aws_client::{
    Aws,
    model::{Alarm, Service},
};
use gate::{DeploymentNames, ReasonCode, ResolvedSource, WhenContext};
pub use gate::{Referenced, Requirements};
use lifecycle::Hook;
use serde_json::Value;

pub use self::app_spec::app_spec_hooks;
pub use crate::checks::TrafficRoute;
use crate::{
    checks::{self, GateFileInput, Routing},
    deadline,
    settings::Settings,
};

/// Reads an account. The error of every method is the error from AWS, with the operation.
#[derive(Clone, Debug)]
pub struct AwsInspector {
    aws: Aws,
}

/// The listeners and target groups of a deployment group.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    production: Option<Listener>,
    test: Option<Listener>,
    groups: Vec<TargetGroup>,
    service: Option<Service>,
}

impl Traffic {
    /// The production listener, with its rules.
    pub fn production(&self) -> Option<&Listener> {
        self.production.as_ref()
    }

    /// The test listener, with its rules.
    pub fn test(&self) -> Option<&Listener> {
        self.test.as_ref()
    }

    /// The pair of target groups.
    pub fn target_groups(&self) -> &[TargetGroup] {
        &self.groups
    }

    /// The task set that serves customers.
    pub fn primary_task_set(&self) -> Option<&TaskSet> {
        self.service.as_ref()?.task_sets.iter().find(|set| set.status == "PRIMARY")
    }
}

/// The traffic settings of a deployment group.
#[derive(Clone, Debug, Default)]
pub struct TrafficConfig {
    /// ARN of the production listener.
    pub production: Option<String>,
    /// ARN of the test listener.
    pub test: Option<String>,
    /// Names of the pair of target groups.
    pub target_groups: Vec<String>,
    /// Names of the cluster and the service.
    pub service: Option<(String, String)>,
}

/// A check that will fail for a reason that is already known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictedFailure {
    pub check: String,
    pub code: ReasonCode,
    /// The problem, as text.
    pub message: String,
}

/// The gate file of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateFileLookup {
    /// There is no gate file, so only the built-in checks run.
    None,
    Text {
        /// Its name in messages.
        title: String,
        text: String,
    },
    /// A file in the function's package or a layer, which only the function can read.
    InPackage(String),
    /// The function's variables name a file that does not exist.
    Missing {
        /// Its name in messages.
        title: String,
        why: String,
        /// The bucket, if it does not exist either.
        missing_bucket: Option<String>,
    },
    /// It may exist, but could not be read.
    Unreadable {
        /// Its name in messages.
        title: String,
        error: AwsError,
    },
}

impl AwsInspector {
    /// Uses the settings of this process, with `overrides` for some of them: a Region, credentials. It does not connect
    /// yet.
    pub fn new(overrides: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { aws: Aws::new(&Settings::from_env_with(overrides).aws) }
    }

    pub async fn codedeploy(&self, operation: &'static str, input: &Value) -> Result<Value, AwsError> {
        self.aws.call_codedeploy(operation, input).await
    }

    /// Calls an operation of CloudFormation, EC2, Elastic Load Balancing or IAM, such as `ec2:DescribeSubnets`, and
    /// returns the XML.
    pub async fn query(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, AwsError> {
        self.aws.query(operation, input).await
    }

    /// GetFunctionConfiguration of a function, by its name or ARN.
    pub async fn function_configuration(&self, function: &str, qualifier: Option<&str>) -> Result<Value, AwsError> {
        let path = ("2015-03-31/functions", function, "configuration");
        self.aws.call_lambda("lambda:GetFunctionConfiguration", path, qualifier).await
    }

    /// GetFunctionEventInvokeConfig of a function, or `None` if the function has no such settings.
    pub async fn event_invoke_config(
        &self,
        function: &str,
        qualifier: Option<&str>,
    ) -> Result<Option<Value>, AwsError> {
        let path = ("2019-09-25/functions", function, "event-invoke-config");
        match self.aws.call_lambda("lambda:GetFunctionEventInvokeConfig", path, qualifier).await {
            Ok(settings) => Ok(Some(settings)),
            Err(fault) if fault.has_code("ResourceNotFoundException") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    pub async fn app_spec(&self, deployment: &str, application: &str) -> Result<AppSpecLocation, AwsError> {
        self.aws.app_spec(deployment, application).await
    }

    /// The names of alarms that do not exist.
    pub async fn missing_alarms(&self, names: &[String]) -> Result<Vec<String>, AwsError> {
        let found: Vec<String> = self.aws.alarms(names).await?.into_iter().map(|Alarm { name, .. }| name).collect();
        Ok(names.iter().filter(|name| !found.contains(name)).cloned().collect())
    }

    /// The alarms whose names begin with `prefix`, each with whether it notifies anybody when it fires.
    pub async fn alarms_with_receivers(&self, prefix: &str) -> Result<Vec<(String, bool)>, AwsError> {
        self.aws.alarms_with_receivers(prefix).await
    }

    /// Whether a resource that a gate file names exists, and what there is instead. `None` for names that AWS cannot
    /// check.
    pub async fn existence_of(&self, named: &Referenced) -> Result<Option<Existence>, AwsError> {
        let found_if = |there: bool| Ok(Some(if there { Existence::Yes } else { Existence::No }));
        match named {
            Referenced::Alarm(name) => found_if(self.missing_alarms(std::slice::from_ref(name)).await?.is_empty()),
            Referenced::AlarmPrefix(prefix) => found_if(!self.aws.alarms_with_prefix(prefix).await?.is_empty()),
            Referenced::AlarmTags(tags) => found_if(!self.aws.alarms_with_tags(tags).await?.is_empty()),
            Referenced::Parameter(name) => {
                found_if(self.aws.missing_parameters(std::slice::from_ref(name)).await?.is_empty())
            }
            Referenced::Secret(name) => self.aws.secret(name).await.map(Some),
            Referenced::Container(_) | Referenced::EnvVar(_) => Ok(None),
        }
    }

    /// The listeners with their rules, the pair of target groups, and the service with its task sets.
    pub async fn traffic(&self, routes: &TrafficConfig) -> Result<Traffic, AwsError> {
        let listener = async |arn: &Option<String>| match arn {
            Some(arn) => self.aws.listener(arn).await.map(Some),
            None => Ok(None),
        };
        let service = async {
            let Some((cluster, service)) = &routes.service else { return Ok(None) };
            self.aws.service(cluster, service).await.map(Some)
        };
        let (production, test, groups, service) = tokio::join!(
            listener(&routes.production),
            listener(&routes.test),
            self.aws.target_groups(&routes.target_groups),
            service,
        );
        Ok(Traffic { production: production?, test: test?, groups: groups?, service: service? })
    }

    /// DescribeTaskDefinition.
    pub async fn task_definition(&self, definition: &str) -> Result<TaskDefinition, AwsError> {
        self.aws.task_definition(definition).await
    }

    /// Reads a function's gate file from the place that its variables name.
    pub async fn gate_file(
        &self,
        variables: &BTreeMap<String, String>,
        application: &str,
        group: &str,
    ) -> GateFileLookup {
        let source = settings_from_vars(variables).gate;
        let title = source.display_name();
        match source.resolve(Some(DeploymentNames { application, deployment_group: group })) {
            Err(why) => GateFileLookup::Missing { title, why, missing_bucket: None },
            Ok(ResolvedSource::None) => GateFileLookup::None,
            Ok(ResolvedSource::Inline(text)) => {
                GateFileLookup::Text { title: "the gate file in GREENLIGHT_GATE".to_owned(), text }
            }
            Ok(ResolvedSource::File(path)) => GateFileLookup::InPackage(path),
            Ok(ResolvedSource::Parameter(name)) => {
                let text = self.aws.parameter(&name).await;
                lookup_from_reply(
                    format!("gate file ssm:{name}"),
                    text,
                    &["ParameterNotFound", "ParameterVersionNotFound"],
                )
            }
            Ok(ResolvedSource::Object { bucket, key, version, owner }) => {
                let text = self.aws.object_with_etag(&bucket, &key, version.as_deref(), owner.as_deref()).await;
                let text = text.map(|(text, _)| text);
                let title = format!("gate file s3://{bucket}/{key}");
                match text {
                    Err(fault) if fault.has_code("NoSuchBucket") => {
                        GateFileLookup::Missing { title, why: fault.detail, missing_bucket: Some(bucket) }
                    }
                    text => lookup_from_reply(title, text, &["NoSuchKey", "NoSuchVersion"]),
                }
            }
        }
    }
}

fn lookup_from_reply(title: String, text: Result<String, AwsError>, none: &[&str]) -> GateFileLookup {
    match text {
        Ok(text) => GateFileLookup::Text { title, text },
        Err(fault) if none.iter().any(|word| fault.has_code(word)) => {
            GateFileLookup::Missing { title, why: fault.detail, missing_bucket: None }
        }
        Err(fault) => GateFileLookup::Unreadable { title, error: fault },
    }
}

/// The settings that a function reads from these variables. Lambda sets the others.
fn settings_from_vars(variables: &BTreeMap<String, String>) -> Settings {
    let lambdas = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "-"), ("AWS_SECRET_ACCESS_KEY", "-")];
    let lambdas = lambdas.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Settings::from_vars(variables.clone().into_iter().chain(lambdas))
}

/// The variables that a function cannot use, one sentence each. Any of them makes a hook put *Failed*.
pub fn settings_errors(variables: &BTreeMap<String, String>) -> Vec<String> {
    settings_from_vars(variables).errors
}

/// The time that the checks of a function with this timeout can take. The rest is the reserve for the status.
pub fn check_budget(timeout: Duration) -> Duration {
    deadline::check_budget(timeout)
}

/// What a hook needs for the checks of a gate file, or for its built-in checks if there is no file.
///
/// # Errors
/// The errors of the file, each with its line.
pub fn requirements(
    hook: Hook,
    text: Option<&str>,
    (application, group, region): (&str, &str, &str),
    variables: &BTreeMap<String, String>,
) -> Result<Requirements, Vec<gate::Diagnostic>> {
    let variables = settings_from_vars(variables).variables.0;
    let circumstances = WhenContext {
        application: application.to_owned(),
        deployment_group: group.to_owned(),
        region: region.to_owned(),
        variables,
    };
    gate::requirements(hook, text, &circumstances)
}

/// The checks of a hook that cannot reach the service through the listeners, with these variables and this gate file.
pub fn predict_failures(
    hook: Hook,
    text: Option<&str>,
    (application, group, region): (&str, &str, &str),
    variables: &BTreeMap<String, String>,
    traffic: &Traffic,
) -> Vec<PredictedFailure> {
    let settings = settings_from_vars(variables);
    let circumstances = WhenContext {
        application: application.to_owned(),
        deployment_group: group.to_owned(),
        region: region.to_owned(),
        variables: settings.variables.0,
    };
    let gate = GateFileInput { text: text.map(str::to_owned), when_context: circumstances };
    // The next version gets the target group that production does not use now.
    let is_used = |group: &TargetGroup| {
        let rules = traffic.production.iter().flat_map(|listener| &listener.rules);
        rules.into_iter().any(|rule| rule.weight_percent(&group.arn) > 0.0)
    };
    let green = traffic.groups.iter().find(|group| !is_used(group)).or(traffic.groups.last());
    let routing = Routing {
        deployment_group: group,
        production: traffic.production.as_ref(),
        test: traffic.test.as_ref(),
        target_group_pair: traffic.groups.iter().map(|group| group.arn.clone()).collect(),
        green,
        container_port: traffic.primary_task_set().and_then(|set| set.registration()?.container_port),
        host: settings.host.as_deref(),
        test_address: settings.alb_url.as_deref(),
    };
    let findings = checks::predict_failures(hook, &gate, &routing).into_iter().map(|(check, seen)| PredictedFailure {
        check,
        code: seen.code.unwrap_or(ReasonCode::CheckFailed),
        message: format!("{}: expected {}, was {}", seen.resource, seen.expected, seen.actual),
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_s_variables_are_read_as_the_function_reads_them() {
        let of = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(settings_errors(&of("GREENLIGHT_GATE", "version: 1")), [""; 0]);
        assert!(settings_errors(&of("GREENLIGHT_GATES", "x"))[0].contains("did you mean GREENLIGHT_GATE?"));
    }
}
