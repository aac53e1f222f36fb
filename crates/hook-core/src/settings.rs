//! Reads the environment of the function once and collects all errors. Nothing else in this crate reads the
//! environment.
//!
//! An error never stops the process: the usable settings are used to put the status, and the errors become a finding.

mod aws;

use std::{collections::BTreeMap, path::PathBuf};

use aws_client::{AwsSettings, CertificateFile, model::EcsServiceName};
use gate::Mode;
use lifecycle::Hook;

pub use crate::gate_source::GateSource;
use crate::redact::Redactor;

/// Everything that a hook takes from its environment.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `GREENLIGHT_GATE` and the other `GREENLIGHT_GATE_…` variables: where the gate file is.
    pub gate: GateSource,
    /// `GREENLIGHT_GATE_DIGEST`: the digest that the gate file must have, such as `sha256:ba78…`.
    pub gate_digest: Option<String>,
    /// `GREENLIGHT_ALLOWED_HOSTS`: the hosts that checks can contact, in lower case. Empty for all.
    pub allowed_hosts: Vec<String>,
    /// `GREENLIGHT_ALLOW_LOOPBACK`: whether checks can contact loopback, for a rehearsal on one machine.
    pub allow_loopback: bool,
    /// `ALB_URL`: where to send the smoke test, with or without a scheme.
    pub alb_url: Option<String>,
    /// `GREENLIGHT_ROUTES`, default `/`: the paths for the smoke test without a gate file.
    pub routes: Vec<String>,
    /// `GREENLIGHT_CLUSTER` and `GREENLIGHT_SERVICE`: the service that is deployed, if AWS does not report it.
    pub service: Option<EcsServiceName>,
    /// `GREENLIGHT_HOST`: the host name that the service expects, if the load balancer's own name does not work.
    pub host: Option<String>,
    /// `GREENLIGHT_WRONG_EVENT`: what to do if CodeDeploy is at another event than this hook's.
    pub wrong_event: WrongEventPolicy,
    /// `GREENLIGHT_ROLLBACK`: what to do if the deployment is a rollback.
    pub rollback: RollbackPolicy,
    /// `GREENLIGHT_MODE`: whether the functions only observe. `Enforce` leaves it to the gate file.
    pub mode: Mode,
    /// `GREENLIGHT_LOG`: how much to log.
    pub log: LogLevel,
    /// What the AWS clients need.
    pub aws: AwsSettings,
    /// `SSL_CERT_FILE`: a PEM file with additional certificate authorities for the requests of checks.
    pub probe_ca: Option<CertificateFile>,
    /// `GREENLIGHT_DEAD_LETTER_QUEUE`: the URL of the queue that stores events without a status, for the command that
    /// reads it.
    pub dead_letter_queue: Option<String>,
    /// Whether Lambda started this process.
    pub in_lambda: bool,
    /// The variables that a gate file can refer to.
    pub variables: FunctionEnv,
    /// The settings that cannot be used, one sentence each.
    pub errors: Vec<String>,
}

/// The function's variables, except those that begin with `AWS_`, because some of them are credentials. The other
/// variables belong to the team and can be secret, so their values are never shown.
#[derive(Clone, Default)]
pub struct FunctionEnv(pub BTreeMap<String, String>);

impl std::fmt::Debug for FunctionEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `GREENLIGHT_WRONG_EVENT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrongEventPolicy {
    /// The hook's function is configured for the wrong event: stop the deployment.
    #[default]
    Fail,
    /// Warn and continue.
    Warn,
    /// For a dry run, which CodeDeploy did not invoke and which can run long after the event. It cannot be set in the
    /// environment.
    Ignore,
}

/// `GREENLIGHT_ROLLBACK`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RollbackPolicy {
    /// A rollback repairs a bad deployment and must not be stopped: put Succeeded without checks.
    #[default]
    Skip,
    /// Check it like any other deployment.
    Check,
}

/// `GREENLIGHT_LOG`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs an action.
    Error,
    /// Also fallbacks, and policies that only warn.
    Warn,
    /// Also each check and verdict.
    #[default]
    Info,
    /// Also that CodeDeploy accepted the status.
    Debug,
}

/// Our own settings, for the suggestion if a name is misspelt.
const VARIABLES: [&str; 17] = [
    "GREENLIGHT_ALLOWED_HOSTS",
    "GREENLIGHT_ALLOW_LOOPBACK",
    "GREENLIGHT_CLUSTER",
    "GREENLIGHT_DEAD_LETTER_QUEUE",
    "GREENLIGHT_GATE",
    "GREENLIGHT_GATE_BUCKET_OWNER",
    "GREENLIGHT_GATE_DIGEST",
    "GREENLIGHT_GATE_FILE",
    "GREENLIGHT_GATE_S3",
    "GREENLIGHT_GATE_SSM",
    "GREENLIGHT_HOST",
    "GREENLIGHT_LOG",
    "GREENLIGHT_MODE",
    "GREENLIGHT_ROLLBACK",
    "GREENLIGHT_ROUTES",
    "GREENLIGHT_SERVICE",
    "GREENLIGHT_WRONG_EVENT",
];

/// The variables that `lambda_runtime` requires.
const LAMBDA_RUNTIME_VARS: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

impl Settings {
    /// Whether the smoke test of `ALB_URL` replaces everything else: only in AfterAllowTestTraffic, without a gate file,
    /// and if all settings are valid.
    pub fn has_smoke_test(&self, hook: Hook) -> bool {
        hook == Hook::AfterAllowTestTraffic
            && self.alb_url.is_some()
            && self.gate == GateSource::None
            && self.errors.is_empty()
    }

    /// Reads the settings of this process.
    pub fn from_env() -> Self {
        Self::from_env_with([])
    }

    /// Reads the settings of this process, with other values for some variables. An empty value removes a variable.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env_with(overrides: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        // A variable that is not UTF-8 cannot be a valid setting of ours. It is read lossily and reported like that.
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let more = overrides.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self::from_vars(std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).chain(more))
    }

    /// Reads the settings from any names and values. An empty value counts as not set.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut vars: BTreeMap<String, String> = vars.into_iter().collect();
        vars.retain(|_, value| !value.trim().is_empty());
        let mut faults = Vec::new();
        for name in vars.keys().filter(|name| name.starts_with("GREENLIGHT_") && !VARIABLES.contains(&name.as_str())) {
            faults.push(match gate::suggest(name, VARIABLES) {
                Some(near) => format!("{name} is not a setting; did you mean {near}?"),
                None => format!("{name} is not a setting; the settings are {}", VARIABLES.join(", ")),
            });
        }
        let value = |name: &str| vars.get(name).map(|value| value.trim().to_owned());
        let gate = GateSource::from_vars(|name| vars.get(name).cloned()).unwrap_or_else(|why| {
            faults.push(why);
            GateSource::None
        });
        let gate_digest = value("GREENLIGHT_GATE_DIGEST").map(|text| text.to_ascii_lowercase());
        if let Some(digest) = gate_digest.as_deref() {
            let digits = digest.strip_prefix("sha256:").unwrap_or_default();
            if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                faults.push(format!(
                    "GREENLIGHT_GATE_DIGEST is {digest:?}; it must be sha256: and 64 hexadecimal digits"
                ));
            } else if gate == GateSource::None {
                faults.push("GREENLIGHT_GATE_DIGEST is set, but no variable says where the gate file is".to_owned());
            }
        }
        let alb_url =
            value("ALB_URL").and_then(|text| {
                let fault =
                    unusable_host(text.split_once("://").map_or(text.as_str(), |(_, rest)| rest).trim_end_matches('/'));
                faults.extend(fault.map(|why| {
                    format!("ALB_URL {why}; it must be a host, with or without a port, such as my-alb-123.eu-west-1.elb.amazonaws.com")
                }));
                fault.is_none().then_some(text)
            });
        let host = value("GREENLIGHT_HOST").and_then(|text| {
            // The listener determines the port.
            let port = text.contains(':').then_some("has a port");
            let fault = unusable_host(&text).or(port);
            faults
                .extend(fault.map(|why| {
                    format!("GREENLIGHT_HOST {why}; it must be only a host name, such as shop.example.com")
                }));
            fault.is_none().then_some(text)
        });
        let allowed_hosts: Vec<_> = value("GREENLIGHT_ALLOWED_HOSTS")
            .unwrap_or_default()
            .split([',', ' ', '\n'])
            .map(|host| host.trim().trim_end_matches('.').to_ascii_lowercase())
            .filter(|host| !host.is_empty())
            .collect();
        if allowed_hosts.is_empty() && vars.contains_key("GREENLIGHT_ALLOWED_HOSTS") {
            faults.push("GREENLIGHT_ALLOWED_HOSTS has no host; to allow every host, remove the variable".to_owned());
        }
        for host in &allowed_hosts {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let extra = name.contains([':', '*']).then_some("has more than a host");
            faults.extend(unusable_host(name).or(extra).map(|why| {
                format!("GREENLIGHT_ALLOWED_HOSTS: {host:?} {why}; a host is such as api.example.com or *.example.com")
            }));
        }
        let routes = value("GREENLIGHT_ROUTES").map_or_else(
            || vec!["/".to_owned()],
            |text| {
                let words = text.split([',', ' ', '\n']).map(str::trim).filter(|word| !word.is_empty());
                words.map(|word| format!("/{}", word.trim_start_matches('/'))).collect()
            },
        );
        if routes.is_empty() {
            faults.push("GREENLIGHT_ROUTES has no route; it must be a list such as /health,/version".to_owned());
        }
        let service = match (value("GREENLIGHT_CLUSTER"), value("GREENLIGHT_SERVICE")) {
            (Some(cluster), Some(service)) => Some(EcsServiceName { cluster, service }),
            (None, None) => None,
            (cluster, _) => {
                let missing = if cluster.is_none() { "GREENLIGHT_CLUSTER" } else { "GREENLIGHT_SERVICE" };
                faults.push(format!("{missing} is not set; GREENLIGHT_CLUSTER and GREENLIGHT_SERVICE belong together"));
                None
            }
        };
        let settings = Self {
            gate,
            gate_digest,
            service,
            alb_url,
            allowed_hosts,
            allow_loopback: variant_or_default(
                &vars,
                "GREENLIGHT_ALLOW_LOOPBACK",
                &[("no", false), ("yes", true)],
                &mut faults,
            ),
            routes,
            host,
            wrong_event: variant_or_default(
                &vars,
                "GREENLIGHT_WRONG_EVENT",
                &[("fail", WrongEventPolicy::Fail), ("warn", WrongEventPolicy::Warn)],
                &mut faults,
            ),
            rollback: variant_or_default(
                &vars,
                "GREENLIGHT_ROLLBACK",
                &[("skip", RollbackPolicy::Skip), ("check", RollbackPolicy::Check)],
                &mut faults,
            ),
            mode: variant_or_default(&vars, "GREENLIGHT_MODE", &Mode::VARIANTS, &mut faults),
            log: variant_or_default(
                &vars,
                "GREENLIGHT_LOG",
                &[
                    ("error", LogLevel::Error),
                    ("warn", LogLevel::Warn),
                    ("info", LogLevel::Info),
                    ("debug", LogLevel::Debug),
                ],
                &mut faults,
            ),
            aws: aws::from_vars(&vars, &mut faults),
            probe_ca: None,
            dead_letter_queue: value("GREENLIGHT_DEAD_LETTER_QUEUE"),
            variables: FunctionEnv(
                vars.iter()
                    .filter(|(name, _)| !name.starts_with("AWS_"))
                    .map(|(name, value)| (name.clone(), value.trim().to_owned()))
                    .collect(),
            ),
            in_lambda: LAMBDA_RUNTIME_VARS.iter().all(|name| vars.contains_key(*name)),
            errors: Vec::new(),
        };
        // Both variables often name the same file, which is then decoded once.
        let bundle = settings.aws.ca_bundle.as_ref();
        let probe_ca = value("SSL_CERT_FILE").map(PathBuf::from).map(|path| {
            bundle.filter(|bundle| bundle.path() == path).cloned().unwrap_or_else(|| CertificateFile::new(path))
        });
        Self { errors: faults, probe_ca, ..settings }
    }

    /// Redacts the function's own credentials.
    pub fn credentials_redactor(&self) -> Redactor {
        aws::credentials_redactor(&self.aws)
    }
}

/// Why `text` cannot be a host, with or without a port. None if it can.
fn unusable_host(text: &str) -> Option<&'static str> {
    let url = reqwest::Url::parse(&format!("http://{text}/"));
    match url {
        Ok(url)
            if url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() =>
        {
            None
        }
        Ok(_) => Some("has more than a host"),
        Err(_) => Some("is not a host"),
    }
}

fn variant_or_default<T: Copy + Default>(
    vars: &BTreeMap<String, String>,
    name: &str,
    variants: &[(&str, T)],
    errors: &mut Vec<String>,
) -> T {
    let Some(text) = vars.get(name).map(|text| text.trim().to_ascii_lowercase()) else { return T::default() };
    if let Some((_, value)) = variants.iter().find(|(word, _)| *word == text) {
        return *value;
    }
    let names: Vec<_> = variants.iter().map(|(word, _)| *word).collect();
    errors.push(format!("{name} is {text:?}; it must be {}", gate::join_or(&names)));
    T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA: [(&str, &str); 3] =
        [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "sesame")];

    fn read(more: &[(&str, &str)]) -> Settings {
        Settings::from_vars(LAMBDA.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn lambdas_own_environment_is_enough() {
        let settings = read(&[]);
        assert_eq!(settings.errors, [""; 0]);
        assert_eq!(settings.routes, ["/"]);
        assert_eq!(settings.gate, GateSource::None);
        assert!(!format!("{settings:?}").contains("sesame"));
    }

    #[test]
    fn the_manual_lists_every_setting() {
        let manual = include_str!("../../../docs/SETTINGS.md");
        for name in VARIABLES.iter().chain(&["ALB_URL", "AWS_CA_BUNDLE", "SSL_CERT_FILE"]) {
            assert!(manual.contains(&format!("`{name}`")), "docs/SETTINGS.md lacks {name}");
        }
    }

    #[test]
    fn all_faults_are_reported_together() {
        let settings = Settings::from_vars(
            [
                ("GREENLIGHT_GATES", "version: 1"),
                ("GREENLIGHT_WRONG_EVENT", "ignore"),
                ("GREENLIGHT_ROLLBACK", "maybe"),
                ("GREENLIGHT_LOG", "loud"),
                ("GREENLIGHT_MODE", "watch"),
                ("GREENLIGHT_ALLOWED_HOSTS", "https://x.example/, *.example.com, a*.b, shop:8080"),
                ("GREENLIGHT_ALLOW_LOOPBACK", "true"),
                ("GREENLIGHT_GATE_DIGEST", "sha256:ba78"),
                ("GREENLIGHT_GATE_SSM", "/greenlight/{aplication}"),
                ("GREENLIGHT_HOST", "https://shop.example.com/x"),
                ("GREENLIGHT_ROUTES", ", ,"),
                ("ALB_URL", "my alb"),
                ("AWS_ENDPOINT_URL", "localhost"),
                ("AWS_ENDPOINT_URL_ECS", "ftp://x"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        insta::assert_snapshot!(settings.errors.join("\n"));
    }

    #[test]
    fn routes_are_paths_with_or_without_the_slash() {
        assert_eq!(read(&[("GREENLIGHT_ROUTES", "health, /version\n//x")]).routes, ["/health", "/version", "/x"]);
    }

    #[test]
    fn a_list_of_hosts_without_a_host_does_not_mean_every_host() {
        for list in [",", ".", " , ."] {
            let errors = read(&[("GREENLIGHT_ALLOWED_HOSTS", list)]).errors;
            assert!(errors.len() == 1 && errors[0].contains("has no host"), "{list:?}: {errors:?}");
        }
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let settings = read(&[("GREENLIGHT_GATE", ""), ("ALB_URL", "  "), ("AWS_ENDPOINT_URL", "")]);
        assert_eq!(settings.errors, [""; 0]);
        assert_eq!(settings.gate, GateSource::None);
        assert_eq!(settings.alb_url, None);
    }
}
