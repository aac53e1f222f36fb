//! A look at an account from outside, for who asks before a deployment whether the functions will work: operations that
//! read, what a gate file needs, and how the functions would understand their variables. Nothing in here can put a
//! status, and no function calls any of it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::{
    aws::Aws,
    check::{GateOfAll, Routing, foreseen},
    code::Code,
    deadline, gate,
    gate::{Circumstances, Data, Node},
    hook::Hook,
    settings::Settings,
    source::Place,
    target::{Alarm, Deployment, Listener, TargetGroup},
};
pub use crate::{
    aws::{AppSpec, Fault, Found},
    check::Route,
    definition::{TaskDefinition, task_definition_of},
    gate::{Named, Wants},
};

/// Whoever looks.
#[derive(Clone, Debug)]
pub struct Survey {
    aws: Aws,
}

/// Where a deployment group's traffic goes.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    production: Option<Listener>,
    test: Option<Listener>,
    groups: Vec<TargetGroup>,
    container_port: Option<i32>,
}

/// What a deployment group says about its traffic.
#[derive(Clone, Debug, Default)]
pub struct TrafficRoutes {
    /// ARN of the production listener.
    pub production: Option<String>,
    /// ARN of the test listener.
    pub test: Option<String>,
    /// Names of the pair of target groups.
    pub target_groups: Vec<String>,
    /// Names of cluster and service.
    pub service: Option<(String, String)>,
}

/// What a check will not be able to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// The name of the check.
    pub check: String,
    /// The fault that it will end with.
    pub code: Code,
    /// What is wrong, in words.
    pub what: String,
}

/// A function's gate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// There is none: the built-in checks alone.
    None,
    /// Here it is.
    Text {
        /// What messages call it.
        title: String,
        /// What stands in it.
        text: String,
    },
    /// In the function's package or a layer, where only the function sees it.
    InPackage(String),
    /// It is not where the function's variables say.
    Missing {
        /// What messages call it.
        title: String,
        /// In words.
        why: String,
    },
    /// It may be there, and could not be read.
    Unread {
        /// What messages call it.
        title: String,
        /// Why.
        fault: Fault,
    },
}

impl Survey {
    /// With the settings of this process, and `more` in place of its own: a region, credentials. Connects to nothing yet.
    pub fn new(more: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { aws: Aws::new(&Settings::of_process_but(more).aws) }
    }

    /// Asks CloudFormation; gives XML.
    ///
    /// # Errors
    /// As all of these: what AWS said, with the operation.
    pub async fn cloudformation(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.aws.of_cloudformation(operation, input).await
    }

    /// Asks CodeDeploy.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn codedeploy(&self, operation: &'static str, input: &Value) -> Result<Value, Fault> {
        self.aws.of_codedeploy(operation, input).await
    }

    /// Asks EC2; gives XML.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn ec2(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.aws.of_ec2(operation, input).await
    }

    /// Asks Elastic Load Balancing; gives XML.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn elb(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.aws.of_elb(operation, input).await
    }

    /// Asks IAM; gives XML.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn iam(&self, operation: &'static str, input: &[(&str, &str)]) -> Result<String, Fault> {
        self.aws.of_iam(operation, input).await
    }

    /// GetFunctionConfiguration of a function, by its name or ARN.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn function(&self, function: &str, qualifier: Option<&str>) -> Result<Value, Fault> {
        let path = ("2015-03-31/functions", function, "configuration");
        self.aws.of_lambda("lambda:GetFunctionConfiguration", path, qualifier).await
    }

    /// GetFunctionEventInvokeConfig of a function; none when nothing is set.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn event_settings(&self, function: &str, qualifier: Option<&str>) -> Result<Option<Value>, Fault> {
        let path = ("2019-09-25/functions", function, "event-invoke-config");
        match self.aws.of_lambda("lambda:GetFunctionEventInvokeConfig", path, qualifier).await {
            Ok(settings) => Ok(Some(settings)),
            Err(fault) if fault.is("ResourceNotFoundException") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The AppSpec file of a deployment.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn app_spec(&self, deployment: &str, application: &str) -> Result<AppSpec, Fault> {
        self.aws.app_spec(deployment, application).await
    }

    /// Those of the alarms that there are not.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn alarms_missing(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        let found: Vec<String> = self.aws.alarms(names).await?.into_iter().map(|Alarm { name, .. }| name).collect();
        Ok(names.iter().filter(|name| !found.contains(name)).cloned().collect())
    }

    /// Whether there is what a gate file names; what is in its place, if not. None of what is not AWS's to say.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn exists(&self, named: &Named) -> Result<Option<Found>, Fault> {
        let any = |there: bool| Ok(Some(if there { Found::Yes } else { Found::No("none") }));
        match named {
            Named::Alarm(name) => any(self.alarms_missing(std::slice::from_ref(name)).await?.is_empty()),
            Named::AlarmsThatBegin(prefix) => any(!self.aws.alarms_that_begin(prefix).await?.is_empty()),
            Named::AlarmsTagged(tags) => any(!self.aws.tagged_alarms(tags).await?.is_empty()),
            Named::Parameter(name) => any(self.aws.parameters_missing(std::slice::from_ref(name)).await?.is_empty()),
            Named::Secret(name) => self.aws.secret(name).await.map(Some),
            Named::Container(_) | Named::Variable(_) => Ok(None),
        }
    }

    /// The listeners with their rules, the pair of target groups, and the port of the service's container.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn traffic(&self, routes: &TrafficRoutes) -> Result<Traffic, Fault> {
        let listener = async |arn: &Option<String>| match arn {
            Some(arn) => self.aws.listener(arn).await.map(Some),
            None => Ok(None),
        };
        let container_port = async {
            let Some((cluster, service)) = &routes.service else { return Ok(None) };
            let service = self.aws.service(cluster, service).await?;
            let primary = service.task_sets.iter().find(|set| set.status == "PRIMARY");
            Ok(primary.and_then(|set| set.registration()?.container_port))
        };
        let (production, test, groups, container_port) = tokio::join!(
            listener(&routes.production),
            listener(&routes.test),
            self.aws.target_groups(&routes.target_groups),
            container_port,
        );
        Ok(Traffic { production: production?, test: test?, groups: groups?, container_port: container_port? })
    }

    /// DescribeTaskDefinition.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn definition(&self, definition: &str) -> Result<TaskDefinition, Fault> {
        self.aws.definition(definition).await
    }

    /// A function's gate file, by its variables.
    pub async fn gate(&self, variables: &BTreeMap<String, String>, application: &str, group: &str) -> Gate {
        let source = settings(variables).gate;
        let title = source.title();
        match source.place(Some(&Deployment::of(application, group))) {
            Err(why) => Gate::Missing { title, why },
            Ok(Place::Nowhere) => Gate::None,
            Ok(Place::Inline(text)) => Gate::Text { title: "the gate file in GREENLIGHT_GATE".to_owned(), text },
            Ok(Place::File(path)) => Gate::InPackage(path),
            Ok(Place::Parameter(name)) => {
                let text = self.aws.parameter(&name).await;
                read(format!("gate file ssm:{name}"), text, &["ParameterNotFound", "ParameterVersionNotFound"])
            }
            Ok(Place::Object { bucket, key }) => {
                let text = self.aws.object(&bucket, &key, None).await;
                read(format!("gate file s3://{bucket}/{key}"), text, &["NoSuchKey", "NoSuchBucket"])
            }
        }
    }
}

fn read(title: String, text: Result<String, Fault>, none: &[&str]) -> Gate {
    match text {
        Ok(text) => Gate::Text { title, text },
        Err(fault) if none.iter().any(|word| fault.is(word)) => Gate::Missing { title, why: fault.detail },
        Err(fault) => Gate::Unread { title, fault },
    }
}

/// The settings that a function reads from these variables. Lambda sets the others.
fn settings(variables: &BTreeMap<String, String>) -> Settings {
    let lambdas = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "-"), ("AWS_SECRET_ACCESS_KEY", "-")];
    let lambdas = lambdas.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Settings::read(variables.clone().into_iter().chain(lambdas))
}

/// What a function could not use of its variables, one sentence each. Any of them makes a hook answer *Failed*.
pub fn faults_of_settings(variables: &BTreeMap<String, String>) -> Vec<String> {
    settings(variables).faults
}

/// How long the checks of a function with this time-out may take; the rest is kept back for the answer.
pub fn time_for_checks(timeout: Duration) -> Duration {
    deadline::for_checks(timeout)
}

/// What a hook needs to do what the gate file says, or with none to make its built-in checks.
///
/// # Errors
/// What is wrong with the file, each with its line.
pub fn wants(
    hook: Hook,
    text: Option<&str>,
    (application, group, region): (&str, &str, &str),
    variables: &BTreeMap<String, String>,
) -> Result<Wants, Vec<gate::Fault>> {
    let variables = settings(variables).variables.0;
    let circumstances = Circumstances {
        application: application.to_owned(),
        deployment_group: group.to_owned(),
        region: region.to_owned(),
        variables,
    };
    gate::wants(hook, text, &circumstances)
}

/// What the checks of a hook will not be able to ask through the listeners, with these variables and this gate file.
pub fn foreseen_of(
    hook: Hook,
    text: Option<&str>,
    (application, group, region): (&str, &str, &str),
    variables: &BTreeMap<String, String>,
    traffic: &Traffic,
) -> Vec<Foreseen> {
    let settings = settings(variables);
    let circumstances = Circumstances {
        application: application.to_owned(),
        deployment_group: group.to_owned(),
        region: region.to_owned(),
        variables: settings.variables.0,
    };
    let gate = GateOfAll { text: text.map(str::to_owned), circumstances };
    // The next version gets the target group that production does not use now.
    let is_used = |group: &TargetGroup| {
        let rules = traffic.production.iter().flat_map(|listener| &listener.rules);
        rules.into_iter().any(|rule| rule.share_of(&group.arn) > 0.0)
    };
    let green = traffic.groups.iter().find(|group| !is_used(group)).or(traffic.groups.last());
    let routing = Routing {
        deployment_group: group,
        production: traffic.production.as_ref(),
        test: traffic.test.as_ref(),
        pair: traffic.groups.iter().map(|group| group.arn.clone()).collect(),
        green,
        container_port: traffic.container_port,
        host: settings.host.as_deref(),
        test_address: settings.alb_url.as_deref(),
    };
    let told = foreseen(hook, &gate, &routing).into_iter().map(|(check, seen)| Foreseen {
        check,
        code: seen.code.unwrap_or(Code::CheckFailed),
        what: format!("{}: expected {}, was {}", seen.resource, seen.expected, seen.seen),
    });
    told.collect()
}

/// The hooks that an AppSpec file names, as they stand there: event and function. None when it cannot be read.
pub fn hooks_of(app_spec: &str) -> Option<Vec<(String, String)>> {
    let file = gate::parse_yaml(app_spec).ok()?;
    if !matches!(file.data, Data::Map(_)) {
        return None;
    }
    let entries = |node: &Node| match &node.data {
        Data::Map(entries) => {
            let one = |(key, function): &(gate::Key, Node)| (key.name.clone(), function.as_text().map(str::to_owned));
            entries.iter().map(one).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    let hooks = match file.get("Hooks").map(|hooks| (&hooks.data, hooks)) {
        Some((Data::List(items), _)) => items.iter().flat_map(entries).collect(),
        Some((_, hooks)) => entries(hooks),
        None => Vec::new(),
    };
    Some(hooks.into_iter().filter_map(|(event, function)| Some((event, function?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_spec_names_its_hooks_as_a_list_or_as_a_map() {
        let own = |event: &str, function: &str| (event.to_owned(), function.to_owned());
        let list = "version: 0.0\nHooks:\n  - BeforeInstall: a\n  - AfterInstall: arn:aws:lambda:x\n";
        let both = Some(vec![own("BeforeInstall", "a"), own("AfterInstall", "arn:aws:lambda:x")]);
        assert_eq!(hooks_of(list), both);
        let json = r#"{"version":0.0,"Hooks":[{"BeforeInstall":"a"},{"AfterInstall":"arn:aws:lambda:x"}]}"#;
        assert_eq!(hooks_of(json), both);
        assert_eq!(hooks_of("version: 0.0"), Some(Vec::new()));
        assert_eq!(hooks_of("Hooks: null"), Some(Vec::new()));
        assert_eq!(hooks_of("]"), None);
    }

    #[test]
    fn a_function_s_variables_are_read_as_the_function_reads_them() {
        let of = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(faults_of_settings(&of("GREENLIGHT_GATE", "version: 1")), [""; 0]);
        assert!(faults_of_settings(&of("GREENLIGHT_GATES", "x"))[0].contains("did you mean GREENLIGHT_GATE?"));
    }
}
