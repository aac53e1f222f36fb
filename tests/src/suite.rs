//! The entry point of a test program whose cases are tests of their own.
//!
//! Cargo's test harness knows functions, and a group of cases is one function. A test program with `harness = false`
//! and a [`Suite`] in its `main` lists each case as `group::title`, so it can run alone, and takes the options of
//! Cargo's harness: `cargo test --test check_kinds alarms`, `-- --list`, `-- --exact 'alarms::by prefix'`.

use std::{
    any::Any,
    process::ExitCode,
    sync::OnceLock,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use lifecycle::format_duration;
use rehearsal::HookRunReport;
use tokio::runtime::Runtime;

use crate::{
    HookCase,
    golden::{GoldenFiles, GoldenFolder},
};

/// Concurrent tests. They mostly wait for a hook, so there can be more of them than cores.
const MAX_PARALLEL: usize = 8;

/// A test that takes longer on an idle machine has to say why it needs a real window of time.
const SLOW: Duration = Duration::from_secs(10);

/// Options of the harness whose value is the next argument.
const OPTIONS_WITH_VALUE: [&str; 6] = ["--color", "--format", "--logfile", "--skip", "--test-threads", "-Z"];

/// All tests run on one runtime, which also has the servers that they start.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap_or_else(|error| panic!("no runtime for the tests: {error}")))
}

type EditText = Box<dyn Fn(String) -> String>;

/// Cases that are set up by the same function. Each has golden text of its own.
#[must_use]
pub struct CaseGroup {
    cases: Vec<HookCase>,
    kept: Vec<Box<dyn Any>>,
    edits: Vec<EditText>,
    golden: GoldenText,
}

enum GoldenText {
    /// In the group's own folder.
    Own,
    /// In the folder of another group with the same titles, which must have the same text.
    SameAs(&'static str),
    /// The cases assert everything that matters.
    None,
}

impl From<Vec<HookCase>> for CaseGroup {
    fn from(cases: Vec<HookCase>) -> Self {
        Self { cases, kept: Vec::new(), edits: Vec::new(), golden: GoldenText::Own }
    }
}

impl CaseGroup {
    /// Keeps a value, for example a temporary file, until the case has run.
    pub fn keep(mut self, value: impl Any) -> Self {
        self.kept.push(Box::new(value));
        self
    }

    /// Changes the text of each case before it is compared: replaces what differs from run to run.
    pub fn edit_text(mut self, edit: impl Fn(String) -> String + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Expects this of each case.
    pub fn assert_each(
        mut self,
        assertion: impl Fn(&HookRunReport) -> Result<(), String> + Copy + Send + 'static,
    ) -> Self {
        self.cases = self.cases.into_iter().map(|case| case.assert(assertion)).collect();
        self
    }

    /// Compares the text of each case with the golden text of the case with the same title in another group.
    pub fn same_text_as(self, group: &'static str) -> Self {
        Self { golden: GoldenText::SameAs(group), ..self }
    }

    /// Compares no text.
    pub fn without_golden_text(self) -> Self {
        Self { golden: GoldenText::None, ..self }
    }

    fn golden_folder(&self, suite: &str, group: &str) -> Option<GoldenFolder> {
        match self.golden {
            GoldenText::Own => Some(GoldenFolder::new(suite, group)),
            GoldenText::SameAs(other) => Some(GoldenFolder::new(suite, other)),
            GoldenText::None => None,
        }
    }

    /// Runs the case at this index. It uses up the group, because a case needs what the others may share with it.
    fn run(mut self, index: usize, folder: Option<GoldenFolder>) -> Result<(), Failed> {
        let case = self.cases.swap_remove(index);
        let title = case.title().to_owned();
        let (text, wrong) = runtime().block_on(case.run()).map_err(|error| format!("it could not run: {error:#}"))?;
        if !wrong.is_empty() {
            return Err(wrong.join("\n  ").into());
        }
        if let Some(folder) = folder {
            folder.compare(&title, &self.edits.iter().fold(text, |text, edit| edit(text)));
        }
        Ok(())
    }
}

/// The tests of one test program, with the name of its Cargo target.
#[must_use]
pub struct Suite {
    name: &'static str,
    trials: Vec<Trial>,
    /// Tests that keep the machine busy. They run one after the other, when the others have ended.
    last: Vec<Trial>,
    golden_files: GoldenFiles,
}

impl Suite {
    /// A test program without tests. The name is `env!("CARGO_CRATE_NAME")`.
    pub fn new(name: &'static str) -> Self {
        Self { name, trials: Vec::new(), last: Vec::new(), golden_files: GoldenFiles::default() }
    }

    /// Adds a group of cases. The function runs once for the titles, and again for each case, just before it runs: times
    /// in it are recent, and no two cases share a server or a file.
    pub fn cases<G: Into<CaseGroup>>(self, group: &'static str, cases: impl Fn() -> G + Copy + Send + 'static) -> Self {
        self.add(group, move || cases().into())
    }

    /// Adds a group of cases whose function starts servers.
    pub fn async_cases<G: Into<CaseGroup>, F: Future<Output = G>>(
        self,
        group: &'static str,
        cases: impl Fn() -> F + Copy + Send + 'static,
    ) -> Self {
        self.add(group, move || runtime().block_on(cases()).into())
    }

    fn add(mut self, group: &'static str, cases: impl Fn() -> CaseGroup + Copy + Send + 'static) -> Self {
        let found = cases();
        for (index, case) in found.cases.iter().enumerate() {
            let folder = found.golden_folder(self.name, group);
            self.golden_files.add(group, case.title(), folder.as_ref());
            let name = format!("{group}::{}", case.title());
            self.trials.push(trial(name, move || cases().run(index, folder)));
        }
        self
    }

    /// Adds one test. It fails if the function panics.
    pub fn test(mut self, name: impl Into<String>, test: impl FnOnce() + Send + 'static) -> Self {
        self.trials.push(trial(name.into(), move || {
            test();
            Ok(())
        }));
        self
    }

    /// Adds one async test. It fails if the function panics.
    pub fn async_test<F: Future<Output = ()>>(
        self,
        name: impl Into<String>,
        test: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        self.test(name, move || runtime().block_on(test()))
    }

    /// Adds one async test that runs alone, after all others, because it keeps the machine busy.
    pub fn last_async_test<F: Future<Output = ()>>(
        mut self,
        name: impl Into<String>,
        test: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        self.last.push(trial(name.into(), move || {
            runtime().block_on(test());
            Ok(())
        }));
        self
    }

    /// Adds one async test that returns a text, and compares it with its golden text.
    pub fn async_text<F: Future<Output = String>>(
        mut self,
        group: &'static str,
        title: &str,
        test: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        let folder = GoldenFolder::new(self.name, group);
        self.golden_files.add(group, title, Some(&folder));
        let own = title.to_owned();
        self.test(format!("{group}::{title}"), move || folder.compare(&own, &runtime().block_on(test())))
    }

    /// Runs the tests that the command line selects.
    pub fn run(self) -> ExitCode {
        let (arguments, filters) = parse_arguments(std::env::args());
        let (name, golden_files) = (self.name, self.golden_files);
        let (mut trials, mut last) = (self.trials, self.last);
        if golden_files.has_folder(name) {
            trials.push(Trial::test("golden_text::every_file_has_a_case", move || {
                let left_over = golden_files.without_case(name)?;
                if left_over.is_empty() {
                    Ok(())
                } else {
                    Err(format!("no case has the golden text of {left_over:#?}").into())
                }
            }));
        }
        if !filters.is_empty() {
            let selected = |trial: &Trial| {
                filters.iter().any(|filter| {
                    let filter = Some(filter.clone());
                    !Arguments { filter, ..arguments.clone() }.is_filtered_out(trial)
                })
            };
            trials.retain(selected);
            last.retain(selected);
        }
        let ended = libtest_mimic::run(&arguments, trials);
        if last.is_empty() {
            return ended.exit_code();
        }
        let ended_last = libtest_mimic::run(&arguments, last);
        if ended.has_failed() { ended.exit_code() } else { ended_last.exit_code() }
    }
}

/// A test that prints how long it took, if that was long.
fn trial(name: String, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name.clone(), move || {
        let started = Instant::now();
        let result = test();
        let took = started.elapsed();
        if took > SLOW {
            eprintln!("slow: {name} took {}", format_duration(took));
        }
        result
    })
}

/// The arguments without the filters, and the filters: Cargo's harness takes several, and `libtest_mimic` takes one.
fn parse_arguments(given: impl Iterator<Item = String>) -> (Arguments, Vec<String>) {
    let (mut options, mut filters) = (Vec::new(), Vec::new());
    let mut given = given.peekable();
    options.extend(given.next());
    while let Some(word) = given.next() {
        match word.as_str() {
            "--no-capture" => options.push("--nocapture".to_owned()),
            option if OPTIONS_WITH_VALUE.contains(&option) => {
                options.push(word);
                options.extend(given.next());
            }
            option if option.starts_with('-') => options.push(word),
            _ => filters.push(word),
        }
    }
    let mut arguments = Arguments::from_iter(options);
    arguments.test_threads = arguments.test_threads.or_else(test_threads_from_env).or(Some(MAX_PARALLEL));
    (arguments, filters)
}

#[expect(clippy::disallowed_methods, reason = "Cargo's harness reads this variable too")]
fn test_threads_from_env() -> Option<usize> {
    std::env::var("RUST_TEST_THREADS").ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_filters_are_separated_from_the_options() {
        let given = ["program", "alarms", "--skip", "tags", "--exact", "tasks", "--test-threads=3"];
        let (arguments, filters) = parse_arguments(given.into_iter().map(str::to_owned));
        assert_eq!(filters, ["alarms", "tasks"]);
        assert_eq!((arguments.skip, arguments.exact), (vec!["tags".to_owned()], true));
        assert_eq!(arguments.test_threads, Some(3));
    }
}
