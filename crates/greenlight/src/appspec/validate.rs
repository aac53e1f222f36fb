//! Finds all problems of an AppSpec file at once, each with its position.

use std::collections::BTreeMap;

use hook_core::{
    Hook,
    gate_file::{Diagnostic, Message, Position},
};
use rehearsal::{AccountRegion, FUNCTION_NAME_PREFIX, FunctionName, FunctionRef};

use super::{
    issue::{Issue, Severity},
    lifecycle_events,
    model::{self, EntryNodes},
    platform, resources,
    tree::{self, SpannedNode, SpannedValue},
};

/// What the caller knows in addition to the file.
#[derive(Clone, Debug, Default)]
pub struct ValidationContext {
    /// The account that every ARN must have.
    pub account: Option<String>,
    /// The region that every ARN must have.
    pub region: Option<String>,
    /// The requested functions, such as those of a stack.
    pub functions: Vec<(Hook, String)>,
    /// The names of a user's own functions, which do not count as faults.
    pub own_functions: Vec<String>,
}

/// Returns every issue, in the order of the file.
pub fn validate(text: &str, is_json_file: bool, known: &ValidationContext) -> Vec<Issue> {
    let mut checker = Validator { text, context: known, issues: Vec::new() };
    let tree = match not_json(text).filter(|_| is_json_file) {
        Some(fault) => Err(fault),
        None => {
            tree::parse(text).map_err(|fault| if tree::is_json(text) { not_json(text).unwrap_or(fault) } else { fault })
        }
    };
    match tree {
        Ok(tree) => checker.check_file(&tree.root),
        Err(mut fault) => {
            if let Some(directive) = template_directive(text) {
                fault.message += &format!("; the file is a template (it has `{directive}`): check what it renders to");
            }
            checker.issues.push(Issue { severity: Severity::Rejected, diagnostic: fault });
        }
    }
    checker.issues.sort_by_key(|found| found.diagnostic.at);
    checker.issues
}

/// The message for an ARN that cannot exist because its partition does not have its region.
fn wrong_partition(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, _, region, _, _] = parts.as_slice() else { return None };
    let right = hook_core::permissions::partition_of(region);
    (partition != right).then(|| format!("{region} is in the partition `{right}` and not in `{partition}`"))
}

/// Whether `function` is a name or an ARN of the function `name`.
fn is_name_of(function: &str, name: &str) -> bool {
    function.parse::<FunctionRef>().is_ok_and(|function| function.name == name)
}

/// The syntax error if a text is not strict JSON. YAML also allows comments and a trailing comma.
fn not_json(text: &str) -> Option<Diagnostic> {
    let text = text.trim_start_matches('\u{feff}');
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let why = error.to_string();
    let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
    let at = Position { line: error.line().max(1), column: error.column().max(1) };
    Some(Diagnostic::new(at, format!("not JSON: {why}")))
}

/// The mark of a template language in the text, if there is one: Terraform, Jinja, Go or ERB.
fn template_directive(text: &str) -> Option<&'static str> {
    ["%{", "{%", "{{", "<%"].into_iter().find(|mark| text.contains(mark))
}

struct Validator<'a> {
    text: &'a str,
    context: &'a ValidationContext,
    issues: Vec<Issue>,
}

impl Validator<'_> {
    fn report(&mut self, level: Severity, at: &SpannedNode, message: impl Into<Message>) {
        let fault = Diagnostic::new(tree::position(self.text, at.span.start), message);
        self.issues.push(Issue { severity: level, diagnostic: fault });
    }

    fn check_file(&mut self, root: &SpannedNode) {
        match &root.data {
            SpannedValue::Map(_) => {}
            SpannedValue::Null => {
                return self.report(
                    Severity::Rejected,
                    root,
                    "the file is empty; an AppSpec file has version, Resources and Hooks",
                );
            }
            _ => {
                return self.report(
                    Severity::Rejected,
                    root,
                    "an AppSpec file is a map with version, Resources and Hooks",
                );
            }
        }
        self.check_keys(root);
        self.check_version(root);
        self.check_resources(root);
        match model::sections(root, "Hooks").as_slice() {
            [] => self.report(
                Severity::Note,
                root,
                "there is no Hooks section, so no hook decides whether the deployment continues",
            ),
            [(key, hooks)] => self.check_hooks(root, key, hooks),
            [_, again, ..] => {
                let key = again.0;
                self.report(Severity::Rejected, key, "this is a second Hooks section; CodeDeploy reads only one");
            }
        }
    }

    fn check_keys(&mut self, root: &SpannedNode) {
        for (key, _) in root.entries() {
            let Some(name) = key.text() else { continue };
            let is_section = ["version", "Resources", "Hooks"].iter().any(|known| known.eq_ignore_ascii_case(name));
            if is_section {
                continue;
            }
            if let Some(message) = platform::ec2_key_message(name) {
                self.report(Severity::Rejected, key, message);
                continue;
            }
            let near = lifecycle_events::nearest(name, ["version", "Resources", "Hooks"]);
            let message = format_args!("`{name}` is not a section of an AppSpec file");
            self.report(Severity::Rejected, key, Message::maybe_did_you_mean(message, near));
        }
    }

    /// Accepts `0` too, because AWS's own deploy action reads 0.0 as a number and writes 0.
    fn check_version(&mut self, root: &SpannedNode) {
        let Some(version) = root.get("version") else {
            let message = "`version: 0.0` is missing; CodeDeploy requires it in every AppSpec file";
            return self.report(Severity::Rejected, root, message);
        };
        match version.text().map(|text| (text, text.trim().parse::<f64>())) {
            Some((_, Ok(0.0))) => {}
            Some((text, Ok(1.0))) => {
                let message =
                    format!("AWS documents the version 0.0 only; public pipelines also use {text}. Write 0.0");
                self.report(Severity::Note, version, message);
            }
            _ => self.report(Severity::Rejected, version, "the version of an AppSpec file must be 0.0"),
        }
    }

    fn check_resources(&mut self, root: &SpannedNode) {
        for (level, at, message) in resources::check_resources(root) {
            self.report(level, at, message);
        }
    }

    fn check_hooks(&mut self, root: &SpannedNode, key: &SpannedNode, hooks: &SpannedNode) {
        if model::is_empty(hooks) {
            let message = "the Hooks section is empty, so no hook decides whether the deployment continues";
            return self.report(Severity::Note, key, message);
        }
        self.check_shape(hooks);
        let entries = model::entries(hooks);
        self.check_order(&entries);
        let home = self.expected_location(root, &entries);
        for entry in &entries {
            if entry.hook().is_none() {
                let name = entry.event.text().unwrap_or_default();
                self.report(Severity::Rejected, entry.event, lifecycle_events::unknown_event_message(name));
            }
            self.check_function(entry, home.as_ref());
        }
        self.check_missing(key, &entries);
        self.check_suffixes(&entries);
    }

    /// CodeDeploy's manual specifies a list of maps with one event each.
    fn check_shape(&mut self, hooks: &SpannedNode) {
        match &hooks.data {
            SpannedValue::Map(_) => {
                let message = "the Hooks of an Amazon ECS deployment are a list: put a `-` before each event";
                self.report(Severity::Rejected, hooks, message);
            }
            SpannedValue::List(items) => {
                for item in items {
                    match item.entries() {
                        [_] => {}
                        [_, second, ..] => {
                            let message = "an item of the list has one event; put a `-` before this one as well";
                            self.report(Severity::Rejected, &second.0, message);
                        }
                        [] => self.report(
                            Severity::Rejected,
                            item,
                            "expected an event and its function, such as `AfterInstall: NAME`",
                        ),
                    }
                }
            }
            _ => self.report(Severity::Rejected, hooks, "expected a list of events, each with its function"),
        }
    }

    fn check_order(&mut self, entries: &[EntryNodes<'_>]) {
        let mut seen: BTreeMap<Hook, usize> = BTreeMap::new();
        for entry in entries {
            let Some(hook) = entry.hook() else { continue };
            if let Some(line) = seen.get(&hook) {
                let message =
                    format!("{hook} has a function in line {line} already; CodeDeploy invokes one for each event");
                self.report(Severity::Rejected, entry.event, message);
                continue;
            }
            if let Some((later, line)) = seen.iter().next_back().filter(|(later, _)| **later > hook) {
                let message = format!(
                    "{hook} comes before {later}, which is in line {line}; CodeDeploy runs the events in its own \
                     order, but a reader expects the order of the file"
                );
                self.report(Severity::Error, entry.event, message);
            }
            seen.insert(hook, tree::position(self.text, entry.event.span.start).line);
        }
    }

    /// The account and region where the functions have to be, and a clause that says why. The caller's values take
    /// precedence over those in the file.
    fn expected_location(
        &self,
        root: &SpannedNode,
        entries: &[EntryNodes<'_>],
    ) -> Option<(AccountRegion, &'static str)> {
        let own = model::account_region(root, entries);
        let ValidationContext { account, region, .. } = self.context;
        if account.is_none() && region.is_none() {
            return own;
        }
        let own = own.map_or(AccountRegion { account: String::new(), region: String::new() }, |(home, _)| home);
        let home = AccountRegion {
            account: account.clone().unwrap_or(own.account),
            region: region.clone().unwrap_or(own.region),
        };
        Some((home, "it should be"))
    }

    fn check_function(&mut self, entry: &EntryNodes<'_>, home: Option<&(AccountRegion, &'static str)>) {
        let Some(text) = entry.function.text() else {
            return self.report(Severity::Rejected, entry.function, "expected the name or the ARN of one function");
        };
        if model::is_placeholder(text) {
            let message = format!("{text} is a placeholder, so it cannot be checked");
            return self.report(Severity::Note, entry.function, message);
        }
        let function = match text.parse::<FunctionRef>() {
            Ok(function) => function,
            Err(why) => return self.report(Severity::Error, entry.function, format!("it {why}")),
        };
        if let Some(message) = wrong_partition(text) {
            self.report(Severity::Error, entry.function, message);
        }
        if let Some(qualifier) = &function.qualifier {
            let message = format!(
                "this names the version or alias `{qualifier}`, to which the retries, event age and on-failure \
                 destination of $LATEST do not apply: leave `:{qualifier}` out"
            );
            self.report(Severity::Error, entry.function, message);
        }
        if let (Some((home, whose)), Some(other)) = (home, &function.account_region) {
            let differs = |known: &str, seen: &str| !known.is_empty() && known != seen;
            if differs(&home.account, &other.account) {
                let message = format!(
                    "in account {}, but {whose} in {}; CodeDeploy cannot invoke it",
                    other.account, home.account
                );
                self.report(Severity::Error, entry.function, message);
            }
            if differs(&home.region, &other.region) {
                let message =
                    format!("in {}, but {whose} in {}; CodeDeploy cannot invoke it", other.region, home.region);
                self.report(Severity::Error, entry.function, message);
            }
        }
        self.check_owner(entry, &function);
    }

    /// Checks that the function is the hook of the event.
    fn check_owner(&mut self, entry: &EntryNodes<'_>, function: &FunctionRef) {
        if self.context.own_functions.contains(&function.name) {
            return;
        }
        if !function.has_prefix() {
            let name = &function.name;
            let is_of_stack = self.context.functions.iter().any(|(_, stacks)| is_name_of(stacks, name));
            let hint = if is_of_stack {
                String::new()
            } else {
                format!(". If it is your own function, add --allow-function {name}")
            };
            let message = format!(
                "the name `{name}` does not begin with `{FUNCTION_NAME_PREFIX}`, so it is not a function of \
                 Greenlight, and AWS's managed role AWSCodeDeployRoleForECSLimited is not allowed to invoke it{hint}"
            );
            return self.report(Severity::Error, entry.function, message);
        }
        match (function.function(), entry.hook()) {
            (Some(FunctionName::OnFailure), _) => {
                let message = "on-failure is not a hook: it only understands Lambda's record of a failed invocation";
                self.report(Severity::Error, entry.function, message);
            }
            (Some(FunctionName::Hook(whose)), Some(hook)) if whose != hook => {
                let message = format!("the function of {whose} at {hook}: it would put Failed with WrongEvent");
                self.report(Severity::Error, entry.function, message);
            }
            (Some(_), _) => {}
            (None, _) => {
                let name = &function.name;
                let near = lifecycle_events::suggest_function_name(name);
                let expected = match (&near, entry.hook()) {
                    (Some(near), _) => format!("; did you mean `{near}`?"),
                    (None, Some(hook)) => format!("; the one for {hook} ends in {}.", hook.program_name()),
                    (None, None) => ".".to_owned(),
                };
                let message = Message::from(format!(
                    "`{name}` is not a hook function of Greenlight{expected} If it is your own function, add \
                     --allow-function {name}"
                ));
                let message = match near {
                    Some(near) => message.with_suggestion(near),
                    None => message,
                };
                self.report(Severity::Error, entry.function, message);
            }
        }
        let of_stack = self.context.functions.iter().find(|(hook, _)| Some(*hook) == entry.hook());
        if let Some((_, stacks)) = of_stack
            && !is_name_of(stacks, &function.name)
        {
            self.report(Severity::Error, entry.function, format!("not the requested function `{stacks}`"));
        }
    }

    fn check_missing(&mut self, key: &SpannedNode, entries: &[EntryNodes<'_>]) {
        let has = |hook: &Hook| entries.iter().any(|entry| entry.hook() == Some(*hook));
        let missing: Vec<&str> = Hook::ALL.into_iter().filter(|hook| !has(hook)).map(Hook::event_name).collect();
        if !missing.is_empty() {
            self.report(Severity::Note, key, format!("no function is named for {}", missing.join(", ")));
        }
    }

    /// Notes different suffixes, which mean two stacks or a typing error.
    fn check_suffixes(&mut self, entries: &[EntryNodes<'_>]) {
        let mut stacks: BTreeMap<String, Vec<&SpannedNode>> = BTreeMap::new();
        for entry in entries {
            let function = entry.function_name().parse::<FunctionRef>().ok();
            if let Some(suffix) = function.as_ref().and_then(FunctionRef::suffix) {
                stacks.entry(suffix.to_owned()).or_default().push(entry.function);
            }
        }
        let Some(most) = stacks.iter().max_by_key(|(_, functions)| functions.len()).map(|(stack, _)| stack.clone())
        else {
            return;
        };
        for (stack, functions) in stacks.iter().filter(|(stack, _)| **stack != most) {
            for function in functions {
                let message =
                    format!("this function is in the stack `{stack}`, but most of the others are in `{most}`");
                self.report(Severity::Note, function, message);
            }
        }
    }
}
