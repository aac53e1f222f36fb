//! Where the gate file comes from.

use std::fmt;

use lifecycle::suggest;

use crate::permissions::{AwsOperation, Requirement};

/// The source of the gate file. The hook reads it again for each event: a change applies to the next deployment without
/// a new version of the function, and costs one call.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum GateSource {
    /// No gate file: only the built-in checks.
    #[default]
    None,
    /// The text in `GREENLIGHT_GATE`.
    Inline(String),
    /// A file in the package or a layer.
    File(NameTemplate),
    /// A parameter of Systems Manager.
    Ssm(NameTemplate),
    /// An object in S3.
    S3 {
        bucket: NameTemplate,
        key: NameTemplate,
        /// Its version. The newest if there is none.
        version: Option<String>,
        /// The account that must own the bucket.
        owner: Option<String>,
    },
}

/// The source for one deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolvedSource {
    None,
    Inline(String),
    File(String),
    Parameter(String),
    /// An object in S3.
    Object {
        bucket: String,
        key: String,
        version: Option<String>,
        /// The account that must own the bucket.
        owner: Option<String>,
    },
}

/// The names of a deployment that the name of a gate file can contain. Empty if CodeDeploy does not report them.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentNames<'a> {
    pub application: &'a str,
    pub deployment_group: &'a str,
}

/// The variables that set the source. The first one that is set counts.
pub const GATE_VARIABLES: [&str; 4] =
    ["GREENLIGHT_GATE", "GREENLIGHT_GATE_FILE", "GREENLIGHT_GATE_SSM", "GREENLIGHT_GATE_S3"];

/// A name that can differ for each application: `/greenlight/{application}/{deployment_group}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTemplate {
    text: String,
    parts: Vec<TemplatePart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Application,
    DeploymentGroup,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Placeholder(Placeholder),
}

const PLACEHOLDERS: [(&str, Placeholder); 2] =
    [("application", Placeholder::Application), ("deployment_group", Placeholder::DeploymentGroup)];

/// The name as the variable has it.
impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Names the source. An inline gate file is long and belongs to its author, so its text is not printed.
impl fmt::Debug for GateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display_name())
    }
}

impl GateSource {
    /// The source from the first variable that is set.
    ///
    /// # Errors
    /// The value is not a valid source. The message names the variable.
    pub fn from_vars(value: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = GATE_VARIABLES.iter().find_map(|variable| Some((*variable, value(variable)?)));
        let Some((variable, text)) = set else { return Ok(Self::None) };
        let name = |text: &str| NameTemplate::parse(text).map_err(|why| format!("{variable}: {why}"));
        match variable {
            "GREENLIGHT_GATE" => Ok(Self::Inline(text)),
            "GREENLIGHT_GATE_FILE" => Ok(Self::File(name(text.trim())?)),
            "GREENLIGHT_GATE_SSM" => Ok(Self::Ssm(name(text.trim())?)),
            _ => {
                let (address, version) = match text.trim().split_once("?versionId=") {
                    Some((address, version)) => (address, Some(version.to_owned())),
                    None => (text.trim(), None),
                };
                let place = address.strip_prefix("s3://").and_then(|place| place.split_once('/'));
                let (bucket, key) = place
                    .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty() && version.as_deref() != Some(""))
                    .ok_or_else(|| {
                        format!("{variable} is not an address such as s3://bucket/key or s3://bucket/key?versionId=ID")
                    })?;
                let (bucket, key) = (name(bucket)?, name(key)?);
                if version.is_some() && (bucket.has_placeholder() || key.has_placeholder()) {
                    return Err(format!(
                        "{variable} has a version id, which belongs to one object, and a placeholder, which stands for many"
                    ));
                }
                Ok(Self::S3 { bucket, key, version, owner: bucket_owner(&value)? })
            }
        }
    }

    /// Parses `ssm:NAME` or `s3://bucket/key`, as a command line names the source.
    ///
    /// # Errors
    /// The text is not a valid source.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (variable, place) = match text.strip_prefix("ssm:") {
            Some(name) if !name.trim().is_empty() => ("GREENLIGHT_GATE_SSM", name),
            None if text.starts_with("s3:") => ("GREENLIGHT_GATE_S3", text),
            _ => return Err("a gate file comes from ssm:NAME or s3://bucket/key".to_owned()),
        };
        let without_variable =
            |why: String| why.trim_start_matches(variable).trim_start_matches(':').trim_start().to_owned();
        Self::from_vars(|name| (name == variable).then(|| place.to_owned())).map_err(without_variable)
    }

    /// The AWS operations that reading it needs.
    pub(crate) fn requirements(&self) -> Vec<Requirement> {
        let operation = match self {
            Self::None | Self::Inline(_) | Self::File(_) => return Vec::new(),
            Self::Ssm(name) => AwsOperation::Parameter(name.to_string()),
            Self::S3 { bucket, key, version, .. } => {
                AwsOperation::Object { bucket: bucket.to_string(), key: key.to_string(), is_version: version.is_some() }
            }
        };
        vec![Requirement::new(operation, "to read the gate file")]
    }

    /// Its name in messages.
    pub fn display_name(&self) -> String {
        match self {
            Self::None | Self::Inline(_) => "gate file".to_owned(),
            Self::File(path) => format!("gate file {path}"),
            Self::Ssm(name) => format!("gate file ssm:{name}"),
            Self::S3 { bucket, key, .. } => format!("gate file s3://{bucket}/{key}"),
        }
    }

    /// Whether the source depends on the deployment.
    pub fn is_per_deployment(&self) -> bool {
        match self {
            Self::None | Self::Inline(_) => false,
            Self::File(name) | Self::Ssm(name) => name.has_placeholder(),
            Self::S3 { bucket, key, .. } => bucket.has_placeholder() || key.has_placeholder(),
        }
    }

    /// Fills in the names of the deployment.
    ///
    /// # Errors
    /// A name is not known, or cannot be part of a path.
    pub fn resolve(&self, deployment: Option<DeploymentNames<'_>>) -> Result<ResolvedSource, String> {
        Ok(match self {
            Self::None => ResolvedSource::None,
            Self::Inline(text) => ResolvedSource::Inline(text.clone()),
            Self::File(path) => ResolvedSource::File(path.resolve(deployment)?),
            Self::Ssm(name) => ResolvedSource::Parameter(name.resolve(deployment)?),
            Self::S3 { bucket, key, version, owner } => ResolvedSource::Object {
                bucket: bucket.resolve(deployment)?,
                key: key.resolve(deployment)?,
                version: version.clone(),
                owner: owner.clone(),
            },
        })
    }
}

/// The account in `GREENLIGHT_GATE_BUCKET_OWNER`. Without it, the next owner of the bucket's name could write the gate
/// file after the bucket was deleted.
fn bucket_owner(value: impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    let Some(owner) = value("GREENLIGHT_GATE_BUCKET_OWNER").map(|text| text.trim().to_owned()) else { return Ok(None) };
    if owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(Some(owner))
    } else {
        Err(format!("GREENLIGHT_GATE_BUCKET_OWNER is {owner:?}; it must be an account id of 12 digits"))
    }
}

/// Whether two services can never share a name. `{application}-{deployment_group}` is `a-b-c` for `a-b` and `c`, and
/// also for `a` and `b-c`. The value of a placeholder never contains a slash.
fn is_unambiguous(parts: &[TemplatePart]) -> bool {
    let mut joined = false;
    for part in parts {
        match part {
            TemplatePart::Placeholder(_) if joined => return false,
            TemplatePart::Placeholder(_) => joined = true,
            TemplatePart::Text(text) => joined &= !text.contains('/'),
        }
    }
    true
}

impl NameTemplate {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').ok_or("a `{` has no `}`")?;
            let known = PLACEHOLDERS.iter().find(|(known, _)| *known == word).map(|(_, placeholder)| *placeholder);
            let placeholder = known.ok_or_else(|| match suggest(word, PLACEHOLDERS.map(|(word, _)| word)) {
                Some(near) => format!("{{{word}}} is not a placeholder; did you mean {{{near}}}?"),
                None => format!("{{{word}}} is not a placeholder; use {{application}} or {{deployment_group}}"),
            })?;
            parts.extend([TemplatePart::Text(before.to_owned()), TemplatePart::Placeholder(placeholder)]);
            rest = after;
        }
        parts.push(TemplatePart::Text(rest.to_owned()));
        if !is_unambiguous(&parts) {
            return Err(format!(
                "{text:?} may be the same name for different services; put a / between two placeholders, as in \
                 {{application}}/{{deployment_group}}"
            ));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    fn has_placeholder(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, TemplatePart::Placeholder(_)))
    }

    fn resolve(&self, deployment: Option<DeploymentNames<'_>>) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => filled += text,
                TemplatePart::Placeholder(placeholder) => filled += placeholder.value_from(deployment)?,
            }
        }
        Ok(filled)
    }
}

impl Placeholder {
    fn value_from<'a>(self, deployment: Option<DeploymentNames<'a>>) -> Result<&'a str, String> {
        let (word, value) = match self {
            Self::Application => ("application", deployment.map(|it| it.application)),
            Self::DeploymentGroup => ("deployment_group", deployment.map(|it| it.deployment_group)),
        };
        match value {
            None | Some("") => Err(format!("{{{word}}} is not known: CodeDeploy does not report it")),
            // Neither name can contain a slash. A name that leads to another path would be an attack.
            Some(value) if value.contains('/') || value.starts_with('.') => {
                Err(format!("{{{word}}} is {value:?}, which cannot be a part of a path"))
            }
            Some(value) => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment<'a>(application: &'a str, deployment_group: &'a str) -> DeploymentNames<'a> {
        DeploymentNames { application, deployment_group }
    }

    fn source(vars: &[(&str, &str)]) -> Result<GateSource, String> {
        let value = |name: &str| vars.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        GateSource::from_vars(value)
    }

    #[test]
    fn the_first_that_is_set_counts() {
        let all = GATE_VARIABLES.map(|name| (name, "s3://gates/x"));
        for (set, variable) in GATE_VARIABLES.iter().enumerate() {
            let title = source(&all[set..]).unwrap().display_name();
            let expected =
                ["gate file", "gate file s3://gates/x", "gate file ssm:s3://gates/x", "gate file s3://gates/x"];
            assert_eq!(title, expected[set], "{variable}");
        }
        assert_eq!(source(&[]).unwrap(), GateSource::None);
    }

    #[test]
    fn what_names_no_place_is_a_fault() {
        let faults = [
            ("GREENLIGHT_GATE_S3", "gates/x"),
            ("GREENLIGHT_GATE_S3", "s3://gates"),
            ("GREENLIGHT_GATE_S3", "s3://gates/"),
            ("GREENLIGHT_GATE_S3", "s3:///x"),
            ("GREENLIGHT_GATE_SSM", "/greenlight/{aplication}"),
            ("GREENLIGHT_GATE_FILE", "/opt/{region}.yaml"),
            ("GREENLIGHT_GATE_FILE", "/opt/{application"),
            ("GREENLIGHT_GATE_S3", "s3://gates/{application}-{deployment_group}.yaml"),
            ("GREENLIGHT_GATE_SSM", "/greenlight/{deployment_group}{application}"),
            ("GREENLIGHT_GATE_S3", "s3://{application}.{deployment_group}/greenlight.yaml"),
            ("GREENLIGHT_GATE_S3", "s3://gates/x?versionId="),
            ("GREENLIGHT_GATE_S3", "s3://gates/{application}?versionId=7"),
        ];
        insta::assert_snapshot!(faults.map(|fault| source(&[fault]).unwrap_err()).join("\n"));
    }

    #[test]
    fn an_object_can_be_pinned_to_a_version_and_its_bucket_to_an_owner() {
        let vars = [
            ("GREENLIGHT_GATE_S3", "s3://gates/shop.yaml?versionId=aB3.x_"),
            ("GREENLIGHT_GATE_BUCKET_OWNER", "111122223333"),
        ];
        let object = source(&vars).unwrap().resolve(None).unwrap();
        let ResolvedSource::Object { bucket, key, version, owner } = object else { panic!("{object:?}") };
        assert_eq!((&*bucket, &*key), ("gates", "shop.yaml"));
        assert_eq!((version.as_deref(), owner.as_deref()), (Some("aB3.x_"), Some("111122223333")));
        let wrong = source(&[vars[0], ("GREENLIGHT_GATE_BUCKET_OWNER", "1111-2222-3333")]).unwrap_err();
        assert_eq!(wrong, "GREENLIGHT_GATE_BUCKET_OWNER is \"1111-2222-3333\"; it must be an account id of 12 digits");
    }

    #[test]
    fn two_services_never_share_a_name() {
        let names = [
            "s3://gates/{application}/{deployment_group}.yaml",
            "s3://{application}/gate-{deployment_group}.yaml",
            "s3://gates/{application}-x/y-{deployment_group}",
        ];
        let services = [("a-b", "c"), ("a", "b-c"), ("a-x", "y"), ("a", "x-y")];
        for name in names {
            let source = source(&[("GREENLIGHT_GATE_S3", name)]).unwrap();
            let place = |(application, group)| source.resolve(Some(deployment(application, group))).unwrap();
            for (index, one) in services.iter().enumerate() {
                assert!(services[index + 1..].iter().all(|other| place(*other) != place(*one)), "{name} {one:?}");
            }
        }
    }

    #[test]
    fn a_name_is_filled_with_what_the_deployment_is_about() {
        let name = NameTemplate::parse("/g/{application}/{deployment_group}.yaml").unwrap();
        assert_eq!(name.resolve(Some(deployment("shop", "web"))).unwrap(), "/g/shop/web.yaml");
        let faults = [
            name.resolve(None),
            name.resolve(Some(deployment("", "web"))),
            name.resolve(Some(deployment("shop", "../etc"))),
            name.resolve(Some(deployment("..", "web"))),
        ];
        insta::assert_snapshot!(faults.map(Result::unwrap_err).join("\n"));
    }
}
