//! The gate file: a YAML file that says what each hook checks. docs/GATE-FILE.md is its manual.
//!
//! `yaml` parses text into a tree with positions. `reader` reads a map of the tree, collects its errors and records the
//! keys that it accepts. `condition` is the language of the `expect` lines; `template` is the language of facts in
//! texts. `header` reads what applies to all hooks, `hook_section` one hook's part with its built-in checks, and
//! `check_spec` one check: the keys that all kinds have, and one of the typed specs in `kinds`. `plan` orders the
//! checks; `requirements` and `permissions` say what they need. `yaml_writer` writes a gate file with all effective
//! values; `schema` and `explain` describe it.

mod built_in;
mod check_conflicts;
mod check_spec;
mod check_timing;
mod condition;
mod diagnostic;
mod duration;
mod example_response;
mod explain;
mod fact;
mod foreign_words;
mod gate_source;
mod header;
mod hook_section;
mod json_path;
mod key_spec;
pub mod kinds;
mod outcome;
pub mod permissions;
mod plan;
mod reader;
mod reason_code;
mod referenced;
mod requirements;
mod run_mode;
mod schema;
mod scope;
mod secret_mask;
mod secret_ref;
mod skip;
mod template;
#[cfg(test)]
mod tests;
mod time_budget;
mod time_limit;
mod timing;
mod trial_copy;
mod unit;
mod value;
mod version;
mod when;
mod window;
mod yaml;
mod yaml_writer;

use std::{cell::LazyCell, collections::BTreeMap};

use lifecycle::Hook;
pub use lifecycle::{format_duration, suggest};

pub(crate) use self::permissions::AwsOperation;
use self::{
    built_in::BuiltInFiles,
    header::{GateHeader, read_header},
    reader::Reading,
    secret_mask::SecretMask,
};
pub use self::{
    check_spec::{CheckOrigin, CheckSpec},
    condition::{Condition, ConditionResult, Failure, Subject},
    diagnostic::{Diagnostic, Message, join_and, join_or, render},
    example_response::{ExampleResponse, example_response},
    explain::{ExplainedCheck, ExplainedChecks, ExplainedDetail, ExplainedStage, Explanation, OBSERVES, stages},
    fact::{Fact, VersionFact},
    gate_source::{DeploymentNames, GATE_VARIABLES, GateSource, NameTemplate, ResolvedSource},
    hook_section::HookSection,
    json_path::{JsonPath, PathMatch},
    kinds::Kind,
    outcome::{Outcome, OutcomeSet, Policies, Policy},
    plan::{Plan, PlannedCheck, order_with_barriers, plan},
    reader::{MapReader, ReadContext},
    reason_code::ReasonCode,
    referenced::Referenced,
    requirements::{Requirements, requirements},
    run_mode::{COLLECT_GRACE, Mode, RunMode, grace},
    scope::{Defaults, HttpDefaults, Retry, Scope},
    secret_ref::{SecretRef, SecretStore},
    skip::{Skip, SkipDecision},
    template::{FactResolver, Template, UnresolvedFact},
    time_budget::{MAX_FUNCTION_TIMEOUT, check_budget},
    trial_copy::{TrialCopy, trial_copy},
    value::{SubjectValues, Value},
    version::VersionNumber,
    when::{Preset, WhenContext, why_not_applicable},
    yaml::{MapKey, Position, YamlNode, YamlValue, explain as explain_yaml_error, parse as parse_yaml},
};

/// Larger than any gate file that a person writes. Advanced parameters of Systems Manager end at 8 KiB.
pub const MAX_BYTES: usize = 256 * 1024;

/// Reads the gate of one hook: its built-in checks and the team's file, if any. It reads the whole file, so that an
/// error in the part of a later hook is reported by the first hook.
///
/// # Errors
/// All errors of the file, in its order.
pub fn load(hook: Hook, file: Option<&str>) -> Result<HookSection, Vec<Diagnostic>> {
    load_from(&built_in::FILES, hook, file, Reading::Evaluate)
}

/// The same with other built-in checks: for tests.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    built_in: fn(Hook) -> &'static str,
    hook: Hook,
    file: Option<&str>,
) -> Result<HookSection, Vec<Diagnostic>> {
    load_from(&BuiltInFiles::new(built_in), hook, file, Reading::Evaluate)
}

/// Parses the built-in checks of a hook, so that [`load`] does not have to. A function can do this before its first
/// event arrives.
pub fn parse_built_in(hook: Hook) {
    // An error is in the file's result, and `load` reports it.
    let _ = built_in::FILES.for_hook(hook);
}

fn load_from(
    built_in: &BuiltInFiles,
    hook: Hook,
    file: Option<&str>,
    reading: Reading,
) -> Result<HookSection, Vec<Diagnostic>> {
    let (mut gates, Diagnostics { errors, .. }) = read(built_in, Some(hook), file.unwrap_or("version: 1"), reading);
    match gates.remove(&hook) {
        Some(gate) if errors.is_empty() => Ok(gate),
        _ => Err(errors),
    }
}

/// The errors and warnings of a file, each list in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Why the file cannot be used.
    pub errors: Vec<Diagnostic>,
    /// Mistakes that do not prevent the use of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a file and returns its errors and warnings.
pub fn diagnose(text: &str) -> Diagnostics {
    diagnose_with(&built_in::FILES, text)
}

fn diagnose_with(built_in: &BuiltInFiles, text: &str) -> Diagnostics {
    read(built_in, None, text, Reading::Evaluate).1
}

/// The gates of `hook` and of the hooks in the file, and the diagnostics of the file. The gates are valid only if there
/// are no errors.
fn read(
    built_in: &BuiltInFiles,
    hook: Option<Hook>,
    text: &str,
    reading: Reading,
) -> (BTreeMap<Hook, HookSection>, Diagnostics) {
    let mut context = ReadContext { reading, ..ReadContext::default() };
    let mut gates = BTreeMap::new();
    if text.len() > MAX_BYTES {
        let message =
            format!("the file is larger than {} KiB, the maximum for a gate file; make it smaller", MAX_BYTES / 1024);
        context.error(Position::START, message);
        // This message does not quote the file, so nothing needs masking, and a search for secrets in a huge file is
        // slow.
        return (gates, Diagnostics { errors: context.errors, warnings: Vec::new() });
    }
    match parse(text) {
        Ok(file) => {
            if let Some(mut fields) = MapReader::new(&file, "a gate file", &mut context) {
                let header = read_header(&mut fields);
                gates = read_hooks(built_in, hook, &header, &mut fields);
                fields.finish();
            }
        }
        Err(why) => context.errors.push(why),
    }
    let mask = LazyCell::new(|| SecretMask::from_text(text));
    let masked_and_sorted = |mut faults: Vec<Diagnostic>| {
        for diagnostic in &mut faults {
            diagnostic.mask(&mask);
        }
        faults.sort_by_key(|fault| fault.at);
        faults.dedup();
        faults
    };
    (gates, Diagnostics { errors: masked_and_sorted(context.errors), warnings: masked_and_sorted(context.warnings) })
}

fn read_hooks(
    built_in: &BuiltInFiles,
    wanted: Option<Hook>,
    header: &GateHeader,
    fields: &mut MapReader<'_>,
) -> BTreeMap<Hook, HookSection> {
    fields.map_or("hooks", "`hooks`", |hooks| {
        // Of the header, only the limits of requests can cause an error in a built-in check.
        let has_usual_limits = hooks.scope().defaults.http == HttpDefaults::default();
        let mut sections = BTreeMap::new();
        for hook in Hook::ALL {
            if wanted != Some(hook) && has_usual_limits && !hooks.has(hook.key()) {
                // Built-in checks that nothing changes have no errors, so another hook's are not read.
                hooks.node(hook.key());
                continue;
            }
            hooks.context().scope.hook = Some(hook);
            let read = |fields: &mut MapReader<'_>| hook_section::read(hook, built_in, header, fields);
            sections.insert(hook, hooks.map_or(hook.key(), hook.key(), read));
        }
        sections
    })
}

fn parse(text: &str) -> Result<YamlNode, Diagnostic> {
    yaml::parse(text).map_err(|mut fault| {
        let line = fault.at.line;
        let around: Vec<&str> = text.lines().skip(line.saturating_sub(2)).take(2).collect();
        let has_braces = |text: &&str| [": {{", "- {{", "[{{", ", {{", "== {{"].iter().any(|open| text.contains(open));
        if let Some((theirs, ours)) = around.iter().find_map(|line| condition::find_placeholder(line)) {
            let why = format!("{}; `{theirs}` is a placeholder of Gatus", fault.message);
            fault = Diagnostic::new(fault.at, Message::write_instead(why, ours));
        } else if around.iter().any(has_braces) {
            fault.message += "; text needs quotation marks if it starts with {{ or is inside [ ]";
        }
        fault
    })
}

/// The errors of a gate file, in its order. Empty if the file can be used.
pub fn check(text: &str) -> Vec<Diagnostic> {
    diagnose(text).errors
}

/// Describes what a hook does with this gate file, with its built-in checks and all defaults filled in.
///
/// # Errors
/// The errors of the file.
pub fn explain(text: Option<&str>, hook: Hook) -> Result<Explanation, Vec<Diagnostic>> {
    load_from(&built_in::FILES, hook, text, Reading::Print).map(|gate| explain::explain(hook, &gate))
}

/// The number of checks of all hooks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Hooks with at least one check.
    pub hooks: usize,
    /// Checks of the file, including implied ones.
    pub from_file: usize,
    /// Built-in checks, changed or not.
    pub built_in: usize,
}

/// Counts the checks of a gate file.
///
/// # Errors
/// The errors of the file.
pub fn count_checks(text: &str) -> Result<CheckCounts, Vec<Diagnostic>> {
    let mut count = CheckCounts::default();
    for hook in Hook::ALL {
        let gate = load(hook, Some(text))?;
        let built_in = gate.checks.iter().filter(|check| check.is_built_in()).count();
        count.hooks += usize::from(!gate.checks.is_empty());
        count.built_in += built_in;
        count.from_file += gate.checks.len() - built_in;
    }
    Ok(count)
}

/// The gate file with all effective values. It has the same meaning when it is read.
///
/// # Errors
/// The errors of the file.
pub fn to_yaml(text: Option<&str>, hook: Hook) -> Result<String, Vec<Diagnostic>> {
    load_from(&built_in::FILES, hook, text, Reading::Print).map(|gate| gate.to_yaml())
}

fn load_for_print(hook: Hook, text: Option<&str>) -> Result<HookSection, Vec<Diagnostic>> {
    load_from(&built_in::FILES, hook, text, Reading::Print)
}

/// The JSON Schema of a gate file.
pub fn schema() -> serde_json::Value {
    schema::schema()
}
