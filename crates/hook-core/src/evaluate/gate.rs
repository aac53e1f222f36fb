//! Loads the gate file, and reads the section of this hook.

use aws_client::{Aws, AwsError, DiscoveredDeployment};
use gate::{HookSection, ReasonCode};
use lifecycle::{DeploymentId, Hook};

use super::{EvaluationContext, discover};
use crate::{
    conclusion::{Conclusion, WARN},
    finding::Observation,
    finding_log::FindingLog,
    gate_source::{GateText, LoadGateFile as _},
    phase::Phase,
    settings::GateSource,
};

/// The gate file as this hook reads it.
pub struct Gate {
    /// The whole text. None if there are only built-in checks.
    pub text: Option<String>,
    /// The section of this hook, with its built-in checks.
    pub section: HookSection,
}

/// Loads the gate file. It also loads if the deployment could not be read, because the file can set the mode.
///
/// # Errors
/// The file cannot be read, or has errors.
pub async fn load(
    cx: &EvaluationContext,
    aws: &Aws,
    id: &DeploymentId,
    found: &Result<DiscoveredDeployment, AwsError>,
    log: &FindingLog,
) -> Result<Gate, Conclusion> {
    let source = &cx.settings.gate;
    check_source_is_known(source, id, found.as_ref().err())?;
    log.begin_phase(Phase::Gate, resource(source));
    let deployment = found.as_ref().ok().map(|found| &found.deployment);
    let unreadable = |observation| Conclusion::strict(Phase::Gate, observation);
    let file = source.load(aws, deployment).await.map_err(unreadable)?;
    log.update_context(|context, redactor| context.add_gate(file.as_ref(), redactor));
    check_digest(cx.settings.gate_digest.as_deref(), source, file.as_ref())?;
    let text = file.map(|file| file.text);
    let mut section = read_section(cx.hook, source, text.as_deref())?;
    section.mode = section.mode.and(cx.settings.mode);
    log.begin_phase(Phase::Discovery, format!("deployment {id}"));
    log.set_mode(section.mode);
    if let Some(observation) = unsupported_notify(&section.notify) {
        log.record(Phase::Notify, WARN, observation);
    }
    Ok(Gate { text, section })
}

/// Without the deployment it is not known which gate file belongs to it.
fn check_source_is_known(source: &GateSource, id: &DeploymentId, error: Option<&AwsError>) -> Result<(), Conclusion> {
    match error {
        Some(error) if source.is_per_deployment() => Err(discover::unreadable(id, error.clone())),
        _ => Ok(()),
    }
}

/// Where the gate file is. Empty if it is a variable of the function: the name of the phase says the rest.
fn resource(source: &GateSource) -> String {
    match source {
        GateSource::None | GateSource::Inline(_) => String::new(),
        elsewhere => elsewhere.display_name(),
    }
}

/// A pinned gate file must be the one that somebody reviewed.
fn check_digest(pinned: Option<&str>, source: &GateSource, file: Option<&GateText>) -> Result<(), Conclusion> {
    let Some(pinned) = pinned else { return Ok(()) };
    let digest = file.map_or_else(|| "no gate file".to_owned(), GateText::digest);
    if digest == pinned {
        return Ok(());
    }
    let observation = Observation::failed(ReasonCode::GateChanged, resource(source), pinned, digest);
    Err(Conclusion::strict(Phase::Gate, observation))
}

fn read_section(hook: Hook, source: &GateSource, text: Option<&str>) -> Result<HookSection, Conclusion> {
    gate::load(hook, text).map_err(|diagnostics| {
        // Diagnostics that share one code keep it: a gate file that is only newer than these hooks is not invalid.
        let code = match diagnostics.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other.code == first.code) => first.code,
            _ => ReasonCode::GateInvalid,
        };
        let mut messages = diagnostics.iter().map(ToString::to_string);
        let first = messages.next().unwrap_or_default();
        let observation = Observation::failed(code, resource(source), "", first).with_details(messages);
        Conclusion::strict(Phase::Gate, observation)
    })
}

/// Warns about receivers that get no message.
fn unsupported_notify(receivers: &[String]) -> Option<Observation> {
    let why = || format!("`notify` is not supported by this version: no message is sent to {}", receivers.join(", "));
    (!receivers.is_empty()).then(|| Observation::errored(ReasonCode::NotSupportedYet, "", why()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Mode;

    fn id() -> DeploymentId {
        DeploymentId::try_from("d-1".to_owned()).unwrap()
    }

    fn denied() -> AwsError {
        let detail = "AccessDenied: no".to_owned();
        AwsError::new("codedeploy:GetDeployment", ReasonCode::AwsDenied, detail)
    }

    #[test]
    fn a_pinned_file_must_have_its_digest() {
        let source = GateSource::Inline(String::new());
        let text = |text: &str| GateText { source: "GREENLIGHT_GATE".to_owned(), version: None, text: text.to_owned() };
        // The example in FIPS 180.
        let pinned = Some("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let code = |pinned, file: Option<&GateText>| {
            check_digest(pinned, &source, file).err().and_then(|conclusion| conclusion.observation.code)
        };
        assert_eq!(code(pinned, Some(&text("abc"))), None);
        assert_eq!(code(pinned, Some(&text("abd"))), Some(ReasonCode::GateChanged));
        assert_eq!(code(pinned, None), Some(ReasonCode::GateChanged));
        assert_eq!(code(None, Some(&text("abd"))), None);
    }

    fn section(text: &str) -> Result<HookSection, Conclusion> {
        read_section(Hook::AfterInstall, &GateSource::Inline(text.to_owned()), Some(text))
    }

    fn code_of(text: &str) -> Option<ReasonCode> {
        let Conclusion { phase, observation, .. } = section(text).unwrap_err();
        assert_eq!((phase, observation.resource.as_str()), (Phase::Gate, ""));
        observation.code
    }

    #[test]
    fn valid_file_and_no_file_have_a_section() {
        assert_eq!(section("version: 1\nmode: observe").unwrap().mode, Mode::Observe);
        assert!(!read_section(Hook::AfterInstall, &GateSource::None, None).unwrap().checks.is_empty());
    }

    #[test]
    fn invalid_file_ends_the_evaluation_with_all_its_errors() {
        assert_eq!(code_of("version: 1\nmode: x"), Some(ReasonCode::GateInvalid));
        let observation = section("version: 1\nmode: x\nmodes: y").unwrap_err().observation;
        assert_eq!(observation.details.len(), 1, "{observation:?}");
    }

    #[test]
    fn file_that_is_only_newer_keeps_its_code_and_one_with_another_error_does_not() {
        let check = "{ http: 'http://x.example/', expect: [status == 200], repeat: 5 }";
        let newer = format!("version: 1\nhooks: {{ after_install: {{ checks: [{check}] }} }}");
        assert_eq!(code_of(&newer), Some(ReasonCode::NotSupportedYet));
        assert_eq!(code_of(&format!("{newer}\nmode: x")), Some(ReasonCode::GateInvalid));
    }

    #[test]
    fn unreadable_deployment_ends_it_only_if_the_source_depends_on_the_deployment() {
        let vars = |name: &str| (name == "GREENLIGHT_GATE_SSM").then(|| "/gates/{application}".to_owned());
        let per_deployment = GateSource::from_vars(vars).unwrap();
        let conclusion = check_source_is_known(&per_deployment, &id(), Some(&denied())).unwrap_err();
        assert_eq!(conclusion, discover::unreadable(&id(), denied()));
        assert_eq!(check_source_is_known(&per_deployment, &id(), None), Ok(()));
        assert_eq!(check_source_is_known(&GateSource::None, &id(), Some(&denied())), Ok(()));
    }

    #[test]
    fn receivers_of_notify_are_named_in_a_warning() {
        assert_eq!(unsupported_notify(&[]), None);
        let observation = unsupported_notify(&["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(observation.actual, "`notify` is not supported by this version: no message is sent to a, b");
        assert_eq!(observation.code, Some(ReasonCode::NotSupportedYet));
    }
}
