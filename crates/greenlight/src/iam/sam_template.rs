//! Decides which permissions the roles of `infra/template.yaml` always allow, allow with a parameter, or do not allow.
//! A test compares this with the template.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::{
    Hook,
    permissions::{ArnNames, GateSource, Permission, PermissionInputs, Resource},
};

/// How the template grants a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateGrant {
    /// The roles always have it.
    Always,
    /// The roles have it if these parameters have these values. Some parameters are lists.
    WithParameters(Vec<(&'static str, String)>),
    /// No parameter grants it. It needs a policy in `MorePolicyArns`.
    NotAllowed,
}

/// Template parameters with their values.
#[derive(Debug, Default)]
pub struct TemplateParameters(BTreeMap<&'static str, BTreeSet<String>>);

impl TemplateParameters {
    /// Adds the parameters that one permission needs.
    pub fn add(&mut self, way: TemplateGrant) {
        if let TemplateGrant::WithParameters(values) = way {
            for (name, value) in values {
                self.0.entry(name).or_default().insert(value);
            }
        }
    }

    /// The parameters in the form of `sam deploy --parameter-overrides`, such as `Preflight=yes`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, values)| format!("{name}={}", values.iter().cloned().collect::<Vec<_>>().join(",")))
    }
}

/// How the template grants a permission to a hook.
pub fn grant_for(hook: Hook, it: &Permission, inputs: &PermissionInputs, names: &ArnNames) -> TemplateGrant {
    use Hook::{AfterAllowTestTraffic, AfterAllowTraffic, AfterInstall, BeforeAllowTraffic, BeforeInstall};
    let always_in =
        |hooks: &[Hook]| if hooks.contains(&hook) { TemplateGrant::Always } else { TemplateGrant::NotAllowed };
    let list = |name: &'static str| vec![(name, it.resource.arn(names))];
    let first = |more: Vec<(&'static str, String)>| match hook {
        BeforeInstall => TemplateGrant::WithParameters([vec![("Preflight", "yes".to_owned())], more].concat()),
        _ => TemplateGrant::NotAllowed,
    };
    match &it.resource {
        Resource::DeploymentGroup
        | Resource::DeploymentTargets
        | Resource::Service
        | Resource::Tasks
        | Resource::TasksOfCluster => TemplateGrant::Always,
        Resource::Any(_) => match it.action {
            "ecs:DescribeTaskDefinition" if hook == BeforeInstall => first(Vec::new()),
            "ecs:DescribeTaskDefinition" => always_in(&[AfterInstall, AfterAllowTestTraffic]),
            "elasticloadbalancing:DescribeTargetHealth" => {
                always_in(&[AfterInstall, AfterAllowTestTraffic, BeforeAllowTraffic, AfterAllowTraffic])
            }
            "cloudwatch:DescribeAlarms" => always_in(&[BeforeInstall, BeforeAllowTraffic, AfterAllowTraffic]),
            "cloudwatch:DescribeAlarmHistory" => always_in(&[AfterAllowTraffic]),
            "tag:GetResources" if [BeforeInstall, BeforeAllowTraffic, AfterAllowTraffic].contains(&hook) => {
                TemplateGrant::WithParameters(vec![("AlarmsByTag", "yes".to_owned())])
            }
            "tag:GetResources" => TemplateGrant::NotAllowed,
            action if action.starts_with("elasticloadbalancing:") => TemplateGrant::Always,
            _ => TemplateGrant::NotAllowed,
        },
        Resource::Parameter(_) | Resource::Object { .. } if is_gate(&it.resource, &inputs.gate) => {
            gate_grant(&inputs.gate)
        }
        Resource::Parameter(_) => TemplateGrant::WithParameters(list("SecretParameterArns")),
        Resource::Secret(_) => TemplateGrant::WithParameters(list("SecretArns")),
        Resource::Key { .. } => TemplateGrant::WithParameters(list("KmsKeyArns")),
        Resource::Object { .. } => first(list("AppSpecObjectArns")),
        Resource::Application | Resource::LogGroups => first(Vec::new()),
        Resource::Roles => first(list("TaskRoleArns")),
        Resource::Secrets => first(list("TaskSecretArns")),
        Resource::Parameters => first(list("TaskParameterArns")),
        Resource::Repositories => first(list("RepositoryArns")),
    }
}

fn is_gate(resource: &Resource, gate: &GateSource) -> bool {
    match (gate, resource) {
        (GateSource::Ssm(name), Resource::Parameter(own)) => name.to_string() == *own,
        (GateSource::S3 { bucket, key, .. }, Resource::Object { bucket: own_bucket, key: own_key }) => {
            bucket.to_string() == *own_bucket && key.to_string() == *own_key
        }
        _ => false,
    }
}

fn gate_grant(gate: &GateSource) -> TemplateGrant {
    match gate {
        GateSource::Ssm(name) if name.to_string().starts_with('/') => {
            TemplateGrant::WithParameters(vec![("GateSource", "ssm".to_owned()), ("GateParameter", name.to_string())])
        }
        GateSource::S3 { bucket, key, .. } if !bucket.to_string().contains('{') => TemplateGrant::WithParameters(vec![
            ("GateSource", "s3".to_owned()),
            ("GateBucket", bucket.to_string()),
            ("GateKey", key.to_string()),
        ]),
        _ => TemplateGrant::NotAllowed,
    }
}
