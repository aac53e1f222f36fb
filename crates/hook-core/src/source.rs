//! Where the gate file comes from, and how it is read.

use std::{fmt, io::Read, path::Path};

use crate::{
    aws::{Ask, Aws},
    code::Code,
    finding::Observation,
    gate::{MAX_BYTES, suggest},
    permissions::Need,
    target::Deployment,
};

/// Where the gate file is. It is read anew for each event: a change counts for the next deployment, without a new version
/// of the function, and costs one call.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum GateSource {
    /// Nowhere: the built-in checks alone.
    #[default]
    None,
    /// In `GREENLIGHT_GATE`.
    Inline(String),
    /// In the package or a layer.
    File(Name),
    /// A parameter of Systems Manager.
    Ssm(Name),
    /// An object of S3.
    S3 {
        /// Its bucket.
        bucket: Name,
        /// Its key.
        key: Name,
    },
}

/// Where it is for one deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Nowhere,
    /// Here.
    Inline(String),
    /// A file's path.
    File(String),
    /// A parameter's name.
    Parameter(String),
    /// An object of S3.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
}

/// The variables that may say where it is; the first that is set counts.
pub const VARIABLES: [&str; 4] =
    ["GREENLIGHT_GATE", "GREENLIGHT_GATE_FILE", "GREENLIGHT_GATE_SSM", "GREENLIGHT_GATE_S3"];

/// A name that may be another one for each application: `/greenlight/{application}/{deployment_group}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Application,
    DeploymentGroup,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Of(Placeholder),
}

const PLACEHOLDERS: [(&str, Placeholder); 2] =
    [("application", Placeholder::Application), ("deployment_group", Placeholder::DeploymentGroup)];

/// As it stands in the variable.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is inline is long, and its author's.
impl fmt::Debug for GateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())
    }
}

impl GateSource {
    /// The first that is set.
    ///
    /// # Errors
    /// It names no place where anything could be; a sentence that names the variable.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = VARIABLES.iter().find_map(|variable| Some((*variable, value(variable)?)));
        let Some((variable, text)) = set else { return Ok(Self::None) };
        let name = |text: &str| Name::parse(text).map_err(|why| format!("{variable}: {why}"));
        match variable {
            "GREENLIGHT_GATE" => Ok(Self::Inline(text)),
            "GREENLIGHT_GATE_FILE" => Ok(Self::File(name(text.trim())?)),
            "GREENLIGHT_GATE_SSM" => Ok(Self::Ssm(name(text.trim())?)),
            _ => {
                let place = text.trim().strip_prefix("s3://").and_then(|place| place.split_once('/'));
                let (bucket, key) = place
                    .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
                    .ok_or_else(|| format!("{variable} is no address such as s3://bucket/key"))?;
                Ok(Self::S3 { bucket: name(bucket)?, key: name(key)? })
            }
        }
    }

    /// `ssm:NAME` or `s3://bucket/key`, as a command line names it.
    ///
    /// # Errors
    /// It names no place where anything could be, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (variable, place) = match text.strip_prefix("ssm:") {
            Some(name) if !name.trim().is_empty() => ("GREENLIGHT_GATE_SSM", name),
            None if text.starts_with("s3:") => ("GREENLIGHT_GATE_S3", text),
            _ => return Err("a gate file comes from ssm:NAME or s3://bucket/key".to_owned()),
        };
        let told = |why: String| why.trim_start_matches(variable).trim_start_matches(':').trim_start().to_owned();
        Self::read(|name| (name == variable).then(|| place.to_owned())).map_err(told)
    }

    /// What reading it takes of AWS.
    pub(crate) fn needs(&self) -> Vec<Need> {
        let ask = match self {
            Self::None | Self::Inline(_) | Self::File(_) => return Vec::new(),
            Self::Ssm(name) => Ask::Parameter(name.to_string()),
            Self::S3 { bucket, key } => Ask::Object { bucket: bucket.to_string(), key: key.to_string() },
        };
        vec![Need::new(ask, "to read the gate file")]
    }

    /// What messages call it.
    pub fn title(&self) -> String {
        match self {
            Self::None | Self::Inline(_) => "gate file".to_owned(),
            Self::File(path) => format!("gate file {path}"),
            Self::Ssm(name) => format!("gate file ssm:{name}"),
            Self::S3 { bucket, key } => format!("gate file s3://{bucket}/{key}"),
        }
    }

    /// Whether nobody can know where it is without knowing whose deployment it is about.
    pub fn needs_deployment(&self) -> bool {
        let open = |name: &Name| name.parts.iter().any(|part| matches!(part, Part::Of(_)));
        match self {
            Self::None | Self::Inline(_) => false,
            Self::File(name) | Self::Ssm(name) => open(name),
            Self::S3 { bucket, key } => open(bucket) || open(key),
        }
    }

    /// Where it is, with the names of the deployment filled in.
    ///
    /// # Errors
    /// One of them is not known, or cannot be a part of a name.
    pub fn place(&self, deployment: Option<&Deployment>) -> Result<Place, String> {
        Ok(match self {
            Self::None => Place::Nowhere,
            Self::Inline(text) => Place::Inline(text.clone()),
            Self::File(path) => Place::File(path.filled(deployment)?),
            Self::Ssm(name) => Place::Parameter(name.filled(deployment)?),
            Self::S3 { bucket, key } => {
                Place::Object { bucket: bucket.filled(deployment)?, key: key.filled(deployment)? }
            }
        })
    }

    /// Its text; none if there is no gate file.
    ///
    /// # Errors
    /// It cannot be read, and why.
    pub async fn text(&self, aws: &Aws, deployment: Option<&Deployment>) -> Result<Option<GateText>, Observation> {
        let place = self.place(deployment).map_err(|why| unreadable(&self.title(), why))?;
        let (source, read) = match place {
            Place::Nowhere => return Ok(None),
            Place::Inline(text) => ("GREENLIGHT_GATE".to_owned(), Ok((text, None))),
            Place::File(path) => {
                let source = path.clone();
                // Not on this thread: a file system may be on a network, and what hangs there can be given up.
                let read = tokio::task::spawn_blocking(move || of_file(Path::new(&path))).await;
                let read = read.unwrap_or_else(|error| Err(error.to_string()));
                (source, read.map(|text| (text, None)))
            }
            Place::Parameter(name) => {
                let read = aws.versioned_parameter(&name).await;
                (format!("ssm:{name}"), read.map_err(|fault| fault.with_needs()))
            }
            Place::Object { bucket, key } => {
                let read = aws.tagged_object(&bucket, &key, None).await;
                (format!("s3://{bucket}/{key}"), read.map_err(|fault| fault.with_needs()))
            }
        };
        match read {
            Ok((text, version)) => Ok(Some(GateText { source, version, text })),
            Err(why) => Err(unreadable(&format!("gate file {source}"), why)),
        }
    }
}

/// A gate file's text, and which one it is.
#[derive(Clone, Debug)]
pub struct GateText {
    /// `GREENLIGHT_GATE`, a path, `ssm:NAME` or `s3://bucket/key`.
    pub source: String,
    /// A parameter's version, or an object's ETag.
    pub version: Option<String>,
    /// The text.
    pub text: String,
}

fn unreadable(title: &str, why: String) -> Observation {
    Observation::errored(Code::GateUnreadable, title, why)
}

/// A file's text. What is no file may have no end, and one that is too long is not read to its end.
fn of_file(path: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path).map_err(told)?.take(most).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() > MAX_BYTES {
        // Whoever reads gate files says so; where it was cut off there may be half a letter.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
}

/// Whether two services can never share a name: `{application}-{deployment_group}` is `a-b-c` for `a-b` and `c`, and for `a`
/// and `b-c`. No placeholder's value has a slash.
fn are_apart(parts: &[Part]) -> bool {
    let mut joined = false;
    for part in parts {
        match part {
            Part::Of(_) if joined => return false,
            Part::Of(_) => joined = true,
            Part::Text(text) => joined &= !text.contains('/'),
        }
    }
    true
}

impl Name {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').ok_or("a `{` has no `}`")?;
            let known = PLACEHOLDERS.iter().find(|(known, _)| *known == word).map(|(_, placeholder)| *placeholder);
            let placeholder = known.ok_or_else(|| match suggest(word, PLACEHOLDERS.map(|(word, _)| word)) {
                Some(near) => format!("{{{word}}} stands for nothing; did you mean {{{near}}}?"),
                None => format!("{{{word}}} stands for nothing; there are {{application}} and {{deployment_group}}"),
            })?;
            parts.extend([Part::Text(before.to_owned()), Part::Of(placeholder)]);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if !are_apart(&parts) {
            return Err(format!(
                "{text:?} may be the same name for different services: between two placeholders comes a /, as in \
                 {{application}}/{{deployment_group}}"
            ));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    fn filled(&self, deployment: Option<&Deployment>) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled += text,
                Part::Of(placeholder) => filled += placeholder.of(deployment)?,
            }
        }
        Ok(filled)
    }
}

impl Placeholder {
    fn of(self, deployment: Option<&Deployment>) -> Result<&str, String> {
        let (word, value) = match self {
            Self::Application => ("application", deployment.map(|it| it.application.as_str())),
            Self::DeploymentGroup => ("deployment_group", deployment.map(|it| it.group.as_str())),
        };
        match value {
            None | Some("") => Err(format!("{{{word}}} is not known: CodeDeploy does not say")),
            // Neither may have a slash, and a name that leads elsewhere would be somebody's trick.
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

    fn source(vars: &[(&str, &str)]) -> Result<GateSource, String> {
        let value = |name: &str| vars.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        GateSource::read(value)
    }

    #[test]
    fn the_first_that_is_set_counts() {
        let all = VARIABLES.map(|name| (name, "s3://gates/x"));
        for (set, variable) in VARIABLES.iter().enumerate() {
            let title = source(&all[set..]).unwrap().title();
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
        ];
        insta::assert_snapshot!(faults.map(|fault| source(&[fault]).unwrap_err()).join("\n"));
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
            let place = |(application, group)| source.place(Some(&Deployment::of(application, group))).unwrap();
            for (index, one) in services.iter().enumerate() {
                assert!(services[index + 1..].iter().all(|other| place(*other) != place(*one)), "{name} {one:?}");
            }
        }
    }

    #[test]
    fn a_name_is_filled_with_what_the_deployment_is_about() {
        let name = Name::parse("/g/{application}/{deployment_group}.yaml").unwrap();
        assert_eq!(name.filled(Some(&Deployment::of("shop", "web"))).unwrap(), "/g/shop/web.yaml");
        let faults = [
            name.filled(None),
            name.filled(Some(&Deployment::of("", "web"))),
            name.filled(Some(&Deployment::of("shop", "../etc"))),
            name.filled(Some(&Deployment::of("..", "web"))),
        ];
        insta::assert_snapshot!(faults.map(Result::unwrap_err).join("\n"));
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        assert_eq!(of_file(Path::new("/dev/zero")).unwrap_err(), "it is no file");
        assert_eq!(of_file(Path::new("/")).unwrap_err(), "it is no file");
    }
}
