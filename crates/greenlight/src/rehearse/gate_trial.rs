//! `--gate FILE`: a user's own gate file, and what it needs in the simulated world.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use hook_core::gate_file::{
    self as gate, CheckSpec, Fact, HookSection, Kind, Mode, SecretStore, TrialCopy, kinds::UrlTemplate,
};
use lifecycle::Hook;
use rehearsal::{GateTrial, ServiceDescription, world::RouteResponse};

use crate::{
    cli::InputFile,
    gate_file::diagnostics::{self, Level},
    terminal::{TerminalStyle, count},
};

/// How much faster the windows of a user's gate file pass. The built-in windows last up to 5 minutes, which are 10 seconds.
pub const WINDOW_SPEED: u32 = 30;

/// The value of a secret, a parameter or a variable that only the user's account has.
const EXAMPLE_VALUE: &str = "an-example-value";

/// A gate file to try, and what is left out of it.
#[derive(Debug)]
pub struct LoadedTrial {
    pub trial: GateTrial,
    /// The checks that contact a host outside the rehearsal: their hook and name.
    pub left_out: Vec<(Hook, String)>,
    /// Whether the file has `mode: observe`.
    pub observes: bool,
}

/// The trial of the command line, if it asks for one: of the gate file of `--gate`, or else of the built-in checks with
/// the service of `--service`. `enforces`: whether it enforces what the file only observes.
///
/// # Errors
/// The gate file cannot be read, or has errors.
pub fn requested(
    gate: Option<&Path>,
    service: Option<&ServiceDescription>,
    enforces: bool,
) -> Result<Option<LoadedTrial>> {
    let copy = TrialCopy { speed: WINDOW_SPEED, enforces };
    let mut loaded = match (gate, service) {
        (Some(path), _) => load(path, copy)?,
        (None, Some(_)) => {
            from_text("version: 1", copy).map_err(|errors| anyhow::anyhow!("the built-in checks have {errors:?}"))?
        }
        (None, None) => return Ok(None),
    };
    loaded.trial.replaces_own_gate = gate.is_some();
    if let Some(host) = service.and_then(|service| service.host.as_ref()) {
        loaded.trial.env.insert("GREENLIGHT_HOST".to_owned(), host.clone());
    }
    Ok(Some(loaded))
}

/// Reads the gate file of `--gate`.
///
/// # Errors
/// It cannot be read, or it has errors, which are printed as `greenlight check` prints them.
fn load(path: &Path, copy: TrialCopy) -> Result<LoadedTrial> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read the gate file {}", path.display()))?;
    // For a hook an empty variable means no gate file, which is not what the user wants to try.
    if text.trim().is_empty() {
        bail!("the gate file {} is empty; a gate file starts with `version: 1`", path.display());
    }
    from_text(&text, copy).map_err(|errors| {
        let file = InputFile { name: path.display().to_string(), text: text.clone() };
        let rendered = diagnostics::render(TerminalStyle::stderr(), Level::Fault, &file, &errors);
        anyhow::anyhow!("the gate file has {}\n{rendered}", count(errors.len(), "error"))
    })
}

fn from_text(text: &str, copy: TrialCopy) -> Result<LoadedTrial, Vec<gate::Diagnostic>> {
    let mut trial = GateTrial { speed: copy.speed, ..GateTrial::default() };
    let (mut left_out, mut observes) = (Vec::new(), false);
    for hook in Hook::ALL {
        let section = gate::load(hook, Some(text))?;
        observes |= section.mode == Mode::Observe;
        add_secrets(&mut trial, &section);
        for check in &section.checks {
            if !check.is_simulated() {
                left_out.push((hook, check.name.clone()));
            } else {
                add_check(&mut trial, check);
            }
        }
    }
    trial.text = gate::trial_copy(Some(text), copy, |check| !check.is_simulated())?;
    Ok(LoadedTrial { trial, left_out, observes })
}

fn add_secrets(trial: &mut GateTrial, section: &HookSection) {
    for secret in section.secrets.values() {
        match (secret.store, &secret.key) {
            (SecretStore::Ssm, _) => {
                trial.parameters.insert(secret.name.clone(), EXAMPLE_VALUE.to_owned());
            }
            (SecretStore::SecretsManager, None) => {
                trial.secrets.insert(secret.name.clone(), EXAMPLE_VALUE.to_owned());
            }
            // One secret can have several keys.
            (SecretStore::SecretsManager, Some(key)) => {
                let value = trial.secrets.get(&secret.name).and_then(|text| serde_json::from_str(text).ok());
                let mut value: BTreeMap<String, String> = value.unwrap_or_default();
                value.insert(key.clone(), EXAMPLE_VALUE.to_owned());
                trial.secrets.insert(secret.name.clone(), serde_json::json!(value).to_string());
            }
        }
    }
}

fn add_check(trial: &mut GateTrial, check: &CheckSpec) {
    for fact in &check.facts {
        if let Fact::Env(name) = fact {
            trial.env.insert(name.clone(), EXAMPLE_VALUE.to_owned());
        }
    }
    match &check.check {
        Kind::Alarms(spec) => {
            trial.alarms.extend(spec.selector.names.iter().cloned());
            trial.alarms.extend(spec.selector.prefixes.iter().map(|prefix| format!("{prefix}-1")));
            trial.alarm_tags.extend(spec.selector.tags.iter().cloned());
        }
        Kind::Http(spec) => {
            let request = &spec.request_template;
            let host = request.host.as_ref().map(ToString::to_string);
            let names = host.into_iter().chain(request.tls_options.server_name.clone());
            trial.hosts.extend(names.filter(|name| !name.contains("{{")));
            let UrlTemplate::Listener(_, path) = &request.url else { return };
            let path = path.to_string();
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let path = if path.is_empty() { "/" } else { path };
            // A path with a fact is not known before the deployment.
            if path.starts_with('/') && !path.contains("{{") {
                let gate::ExampleResponse { status, headers, body } = gate::example_response(&spec.expect);
                let healthy = RouteResponse { status, headers, body, ..RouteResponse::default() };
                trial.routes.insert(path.to_owned(), healthy);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: TrialCopy = TrialCopy { speed: WINDOW_SPEED, enforces: true };
    const FILE: &str = "version: 1
secrets:
  token: ssm:/shop/token
  user: secretsmanager:shop/login#user
  password: secretsmanager:shop/login#password
hooks:
  after_allow_test_traffic:
    checks:
      - name: pay
        http: POST {{test_url}}/pay?dry=1
        host: pay.example.com
        headers: { authorization: 'Bearer {{secret.token}}', x-team: '{{env.TEAM}}' }
        expect: [status == 201, json.state == accepted, 'json.version == {{green.image_tag}}']
      - name: partner
        http: GET https://partner.example.com/health
        expect: [status == 200]
      - { name: slow, alarms: { names: [shop-slow], prefix: [shop-web], tags: { team: shop } }, expect: [state != ALARM] }
";

    #[test]
    fn what_the_file_names_is_put_into_the_world() {
        let LoadedTrial { trial, left_out, observes } = from_text(FILE, COPY).unwrap();
        assert!(!observes);
        assert_eq!(left_out, [(Hook::AfterAllowTestTraffic, "partner".to_owned())]);
        assert_eq!(trial.alarms, ["shop-slow", "shop-web-1"]);
        assert_eq!(trial.parameters["/shop/token"], EXAMPLE_VALUE);
        assert_eq!(trial.secrets["shop/login"], r#"{"password":"an-example-value","user":"an-example-value"}"#);
        assert_eq!(trial.env["TEAM"], EXAMPLE_VALUE);
        assert_eq!(trial.hosts, ["pay.example.com"]);
        assert_eq!(trial.routes["/pay"].status, 201);
        assert_eq!(trial.routes["/pay"].body.as_deref(), Some(r#"{"state":"accepted","version":"{version}"}"#));
        assert!(!trial.text.contains("partner"), "{}", trial.text);
        assert_eq!(gate::check(&trial.text), []);
    }

    #[test]
    fn a_file_with_an_error_is_not_tried() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("greenlight.yaml");
        fs::write(&path, "version: 1\nhoks: {}\n").unwrap();
        let error = load(&path, COPY).unwrap_err().to_string();
        assert!(error.contains("1 error") && error.contains("hoks") && error.contains("hooks"), "{error}");
        fs::write(&path, "\n").unwrap();
        assert!(load(&path, COPY).unwrap_err().to_string().contains("is empty"));
    }
}
