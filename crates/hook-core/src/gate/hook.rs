//! One hook's part of the file, over the built-in checks that its binary brings along.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    CheckSpec, Condition, Data, Fields, Key, Node, Place, SecretRef, Skip, Top, fields::Shape, print, spec, suggest,
    when, window,
};
use crate::{check::Route, finding::Policies, hook::Hook, verdict::Mode};

/// What one hook is to do: its built-in checks as the gate file changed them, and the file's own.
#[derive(Clone, Debug)]
pub struct HookGate {
    /// The checks, in order.
    pub checks: Vec<CheckSpec>,
    /// `checks: none`: the file says in words that this hook checks nothing.
    pub none_in_words: bool,
    /// `deadline`: the checks have to be over by then.
    pub deadline: Option<Duration>,
    /// `mode`: the hook's own, else the file's.
    pub mode: Mode,
    /// `run`, as the file has it.
    run: Run,
    /// `when`: what has to be so for the hook to check anything.
    pub when: Vec<Condition>,
    /// `defaults` of the file: the policies of what it does not have and needs all the same.
    pub defaults: Policies,
    /// `skip` of the file.
    pub skip: Option<Skip>,
    /// `secrets` of the file.
    pub secrets: BTreeMap<String, SecretRef>,
    /// `notify` of the file, in words.
    pub notify: Vec<String>,
    /// The file that would say all of this.
    written: Data,
}

impl HookGate {
    /// What to do after a check that stops the deployment. Who only observes wants to see all of it.
    pub const fn run(&self) -> Run {
        match self.mode {
            Mode::Enforce => self.run,
            Mode::Observe => Run::Collect,
        }
    }

    /// The file that would say all of this, built-in checks and defaults filled in.
    pub fn print(&self) -> String {
        print::yaml(&self.written)
    }
}

/// `run`: what to do after a check that stops the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// Go on, and tell all that is wrong.
    #[default]
    Collect,
    /// Answer at once; the other checks are not run.
    FailFast,
}

impl Run {
    /// The words of a gate file.
    pub const WORDS: [(&'static str, Self); 2] = [("collect", Self::Collect), ("fail-fast", Self::FailFast)];
}

/// What the team's file says about one hook.
pub(super) fn read(hook: Hook, built_in: Vec<Node>, top: &Top, fields: &mut Fields<'_>) -> HookGate {
    let deadline = read_deadline(fields);
    let mode = fields.choice_or("mode", &Mode::WORDS, top.mode);
    let run = fields.choice_or("run", &Run::WORDS, Run::Collect);
    let when = when::read(fields);
    let changes = fields.node_as("built_in", Shape::BuiltIn).cloned();
    let checks = fields.node_as("checks", Shape::Checks).cloned();
    let own = read_checks(checks.as_ref(), fields);
    let built_in = change(built_in, changes.as_ref(), fields);
    let none_in_words = own.is_none();
    let mut checks: Vec<_> = built_in.iter().filter_map(|node| spec::read(node, fields.reading())).collect();
    let brought_along = fields.place_of("built_in");
    for check in &mut checks {
        check.built_in = true;
        // What the file does not change stands where `built_in` does.
        check.own.retain(|_, at| *at != brought_along);
    }
    checks.extend(own.unwrap_or_default());
    unique_names(&checks, fields);
    no_circle(&checks, fields);
    when::no_contradiction(&when, &checks, fields);
    for check in &checks {
        window::check(check, deadline, fields);
    }
    let Top { skip, secrets, notify, .. } = top.clone();
    let written = written(hook, top, fields.written(), &checks, none_in_words);
    let defaults = fields.scope().defaults.policies;
    HookGate { checks, none_in_words, deadline, mode, run, when, defaults, skip, secrets, notify, written }
}

/// `deadline`, which has to leave the checks some time, and cannot be longer than a function runs.
fn read_deadline(fields: &mut Fields<'_>) -> Option<Duration> {
    let deadline = fields.duration("deadline").filter(|_| fields.gives("deadline"))?;
    let (at, longest) = (fields.place_of("deadline"), window::longest_deadline());
    if deadline.is_zero() {
        fields.fault(at, "`deadline` is 0s, which leaves the checks of this hook no time");
    } else if deadline > longest {
        let (deadline, longest) = (super::in_words(deadline), super::in_words(longest));
        fields.fault(
            at,
            format!(
                "`deadline` is {deadline}, longer than the {longest} that the checks of a hook can have: Lambda ends a \
                 function after 15 minutes, and the rest is kept for putting the status"
            ),
        );
    }
    Some(deadline)
}

/// The file with all that counts for one hook.
fn written(hook: Hook, top: &Top, own: Data, checks: &[CheckSpec], none_in_words: bool) -> Data {
    let entry = |name: &str, data| (Key { at: Place::START, name: name.to_owned() }, Node::new(Place::START, data));
    let text = |word: &str| Data::Text(word.to_owned());
    let entries = |data| if let Data::Map(entries) = data { entries } else { Vec::new() };
    let mut part = entries(own);
    part.retain(|(key, _)| !matches!(key.name.as_str(), "built_in" | "checks"));
    part.push(entry("built_in", text("none")));
    if !checks.is_empty() {
        let node = |check: &CheckSpec| Node::new(Place::START, check.written.clone());
        part.push(entry("checks", Data::List(checks.iter().map(node).collect())));
    } else if none_in_words {
        part.push(entry("checks", text("none")));
    }
    let mut file = entries(top.written.clone());
    file.push(entry("hooks", Data::Map(vec![entry(hook.key(), Data::Map(part))])));
    Data::Map(file)
}

/// The checks of a hook in the team's file. None when it says `checks: none`.
fn read_checks(node: Option<&Node>, fields: &mut Fields<'_>) -> Option<Vec<CheckSpec>> {
    match node.map(|node| (&node.data, node)) {
        None => Some(Vec::new()),
        Some((Data::Text(word), _)) if word == "none" => None,
        Some((Data::List(items), node)) => {
            if items.is_empty() {
                fields.empty(node.at, "`checks` is empty: give this hook a check, or write `checks: none`");
            }
            Some(items.iter().filter_map(|item| spec::read(item, fields.reading())).collect())
        }
        Some((_, node)) => {
            fields.fault(node.at, "`checks` is a list of checks, or `none`");
            Some(Vec::new())
        }
    }
}

/// The built-in checks as `built_in` changes them: `none`, or single keys of named checks.
fn change(built_in: Vec<Node>, changes: Option<&Node>, fields: &mut Fields<'_>) -> Vec<Node> {
    // What is wrong with a built-in check is wrong because of the file, so it is told there.
    let at = fields.place_of("built_in");
    let built_in: Vec<_> = built_in.into_iter().map(|node| node.moved_to(at)).collect();
    let Some(changes) = changes else { return built_in };
    match &changes.data {
        Data::Text(word) if word == "none" => {
            if !fields.gives("checks") {
                let message = "`built_in: none` leaves this hook without a check: give it one, or write `checks: none`";
                fields.empty(changes.at, message);
            }
            Vec::new()
        }
        Data::Map(entries) => {
            let mut built_in = built_in;
            let name_of =
                |node: &Node| node.get("name").and_then(|name| name.as_text().map(str::to_owned)).unwrap_or_default();
            let known: Vec<String> = built_in.iter().map(name_of).collect();
            for (key, change) in entries {
                let Some(index) = known.iter().position(|name| *name == key.name) else {
                    let near = suggest(&key.name, known.iter().map(String::as_str));
                    let hint = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are {}", known.join(", ")),
                    };
                    fields.fault(key.at, format!("{:?} is no built-in check of this hook; {hint}", key.name));
                    continue;
                };
                if let Data::Map(keys) = &change.data {
                    built_in[index].at = change.at;
                    built_in[index].set_all(keys);
                } else {
                    fields.fault(change.at, "give the keys to change, such as { within: 2m }");
                }
            }
            built_in
        }
        _ => {
            fields.fault(changes.at, "`built_in` is `none`, or the keys to change of named built-in checks");
            built_in
        }
    }
}

fn unique_names(checks: &[CheckSpec], fields: &mut Fields<'_>) {
    let mut seen = BTreeSet::new();
    for check in checks {
        if !seen.insert(&check.name) {
            let message = format!("two checks of this hook are called {:?}; give one another `name`", check.name);
            fields.fault(check.at, message);
        }
    }
}

/// A barrier that uses the address of another one waits for it, and so for ever if that one waits as well.
fn no_circle(checks: &[CheckSpec], fields: &mut Fields<'_>) {
    let waits = |route: Route| checks.iter().find(|it| it.check.opens() == Some(route) && !it.uses().is_empty());
    if let (Some(test), Some(production)) = (waits(Route::Test), waits(Route::Production)) {
        let message = format!(
            "{:?} and {:?} wait for each other: each opens a listener whose address the other one uses",
            test.name, production.name
        );
        fields.fault(test.at.max(production.at), message);
    }
}
