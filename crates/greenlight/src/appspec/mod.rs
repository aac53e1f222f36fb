//! `greenlight appspec`: writes or checks the Hooks section of an AppSpec file.

mod block_style;
mod flow_style;
mod for_rehearsal;
mod hook_functions;
mod issue;
mod lifecycle_events;
mod merge;
mod model;
mod platform;
mod render;
mod resources;
mod rewrite;
mod save;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_validate;
mod tree;
mod validate;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use hook_core::{Hook, aws_inspector::AwsInspector};
use rehearsal::FunctionRef;

pub use self::{
    for_rehearsal::{ForRehearsal, load_for_rehearsal},
    render::render_issues,
};
use self::{
    hook_functions::FunctionOverride,
    issue::{Issue, Severity},
    validate::ValidationContext,
};
use crate::{
    cli::{CommandError, CommandOutcome, InputFile, aws_credentials, parse_hook},
    gate_file::diagnostics::{self, Level},
    terminal::{Output, TerminalStyle, count},
};

const AFTER_HELP: &str = "\
Writing: --stack, --outputs, --suffix or --prefix select the functions, or --function names each; --function takes
precedence. Without FILE, the command prints a Hooks section. With FILE, it prints the whole file with the hooks in it,
and --write changes the file itself. No byte outside the Hooks section changes; in the section, comments and other
events stay. Running it again changes nothing. CodeDeploy invokes one function for each event, so the requested
function replaces a function of Greenlight, but any other function only with --replace.

Checking (--check): shows every fault of every file, with its line and a caret. Nothing is read from AWS, unless
--stack names a stack to compare with. A note is information and not a fault: an event without a hook, a placeholder.
With --json, standard output has one array of {file, line, column, level, message, suggestion?}; level is fault or
note.

`greenlight rehearse --appspec FILE` simulates a deployment with the file.

Exit status:
  0    the hooks are written, or there was nothing to change; no file has a fault
  1    a fault; when writing: the file is not an AppSpec file, or an event has another function. Nothing is written
  2    bad usage, such as a file that cannot be read, a stack that does not exist, or missing credentials
  130  stopped by Ctrl-C (143: by SIGTERM)";

/// `greenlight appspec`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct AppSpecOptions {
    /// An AppSpec file, YAML or JSON, or - for standard input; --check accepts several
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Report the faults of the files, and write nothing
    #[arg(long, requires = "files")]
    check: bool,

    /// Change the file instead of printing it
    #[arg(long, requires = "files", conflicts_with = "check")]
    write: bool,

    /// The functions in the outputs of this CloudFormation stack, read with your credentials
    /// (cloudformation:DescribeStacks)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["outputs", "suffix", "prefix"])]
    stack: Option<String>,

    /// The functions of a stack, in a file with what `aws cloudformation describe-stacks` prints; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["suffix", "prefix"])]
    outputs: Option<PathBuf>,

    /// The functions of a stack with this parameter Suffix, such as CodeDeployHook_SUFFIX-before-install
    #[arg(long, value_name = "SUFFIX", conflicts_with = "prefix")]
    suffix: Option<String>,

    /// The functions whose names begin with this text, such as CodeDeployHook_shop-
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,

    /// The function for one event, by name or ARN; can be repeated
    #[arg(long = "function", value_name = "EVENT=FUNCTION")]
    functions: Vec<FunctionOverride>,

    /// Only these hooks, such as AfterInstall,AfterAllowTraffic [default: all five]
    #[arg(long, visible_alias = "hooks", value_name = "HOOK", value_delimiter = ',', value_parser = parse_hook, conflicts_with = "check")]
    only: Vec<Hook>,

    /// With a stack: write ARNs instead of names
    #[arg(long)]
    arn: bool,

    /// Also replace functions that are not Greenlight's
    #[arg(long, visible_alias = "force", conflicts_with = "check")]
    replace: bool,

    /// With --check: a function of your own, which does not count as a fault; can be repeated
    #[arg(long, value_name = "NAME", requires = "check")]
    allow_function: Vec<String>,

    /// With --check: the account that all ARNs must have [default: the task definition's]
    #[arg(long, value_name = "NUMBER", requires = "check")]
    account: Option<String>,

    /// The region of the stack; with --check, the region that all ARNs must have
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// A profile of your AWS configuration
    #[arg(long, value_name = "NAME", requires = "stack")]
    profile: Option<String>,

    /// With --check, print the findings as JSON; without FILE, print the section as JSON
    #[arg(long)]
    json: bool,
}

pub async fn run_appspec(args: &AppSpecOptions) -> Result<CommandOutcome, CommandError> {
    let functions = requested_functions(args).await.map_err(CommandError::Usage)?;
    if args.check {
        return print_validation(args, functions);
    }
    if functions.is_empty() {
        let how = "no functions are named; use --stack NAME, --outputs FILE, --suffix SUFFIX or --function \
                   EVENT=FUNCTION, or --check to check a file";
        return Err(CommandError::Usage(anyhow!("{how}")));
    }
    match args.files.as_slice() {
        [] => print_section(args, &functions),
        [file] => write_hooks(args, file, &functions),
        _ => Err(CommandError::Usage(anyhow!("only one file can be written at a time; --check accepts several"))),
    }
}

/// The requested functions, in the order of the hooks.
async fn requested_functions(args: &AppSpecOptions) -> anyhow::Result<Vec<(Hook, String)>> {
    let given = |hook: &Hook| args.functions.iter().rev().find(|given| given.hook == *hook);
    let hooks: Vec<Hook> =
        Hook::ALL.into_iter().filter(|hook| args.only.is_empty() || args.only.contains(hook)).collect();
    let needed: Vec<Hook> = hooks.iter().copied().filter(|hook| given(hook).is_none()).collect();
    let others = match (&args.stack, &args.outputs, &args.suffix, &args.prefix) {
        (Some(stack), ..) => {
            let credentials = aws_credentials::load(args.profile.as_deref(), args.region.as_deref()).await?;
            let outputs = hook_functions::from_stack(&AwsInspector::new(credentials.settings), stack).await;
            let of = |outputs: Vec<_>| hook_functions::from_outputs(&outputs, args.arn, &needed);
            outputs.and_then(of).with_context(|| format!("the stack {stack} in {}", credentials.region))?
        }
        (_, Some(path), ..) => {
            let source = InputFile::read("file with outputs", path)?;
            let outputs = hook_functions::parse_outputs(&source.text).with_context(|| source.name.clone())?;
            hook_functions::from_outputs(&outputs, args.arn, &needed).with_context(|| source.name.clone())?
        }
        (_, _, Some(suffix), _) => hook_functions::with_prefix(&hook_functions::prefix_for(suffix))?,
        (.., Some(prefix)) => hook_functions::with_prefix(prefix)?,
        _ => Vec::new(),
    };
    let of = |hook: Hook| match given(&hook) {
        Some(given) => Some((hook, given.function.clone())),
        None => others.iter().find(|(other, _)| *other == hook).cloned(),
    };
    Ok(hooks.into_iter().filter_map(of).collect())
}

fn print_validation(args: &AppSpecOptions, functions: Vec<(Hook, String)>) -> Result<CommandOutcome, CommandError> {
    let AppSpecOptions { account, region, allow_function, .. } = args;
    let known = ValidationContext {
        account: account.clone(),
        region: region.clone(),
        functions,
        own_functions: allow_function.clone(),
    };
    // Every file is read first, so that a wrong path is reported alone and not below faults.
    let sources: anyhow::Result<Vec<InputFile>> =
        args.files.iter().map(|path| InputFile::read_app_spec(path)).collect();
    let sources = sources.map_err(CommandError::Usage)?;
    let checked: Vec<_> =
        sources.iter().map(|source| (source, validate::validate(&source.text, source.is_json(), &known))).collect();
    let mut screen = Output::stdout();
    match args.json {
        true => {
            let issues = checked.iter().flat_map(|(source, found)| render::json_issues(source, found));
            screen.print_json(&issues.collect::<Vec<_>>())?;
        }
        false => {
            for (source, found) in &checked {
                let text = render_issues(screen.style, source, found);
                screen.println(&text)?;
            }
        }
    }
    let is_fine = |found: &Vec<Issue>| found.iter().all(|one| one.severity == Severity::Note);
    Ok(CommandOutcome::from_success(checked.iter().all(|(_, found)| is_fine(found))))
}

fn print_section(args: &AppSpecOptions, wanted: &[(Hook, String)]) -> Result<CommandOutcome, CommandError> {
    let written = rewrite::rewrite_hooks("", args.json, wanted, false);
    let written = written.map_err(|faults| CommandError::Failed(anyhow!("{faults:?}")))?;
    save::print(&written.text)?;
    Ok(CommandOutcome::Success)
}

fn write_hooks(args: &AppSpecOptions, path: &Path, wanted: &[(Hook, String)]) -> Result<CommandOutcome, CommandError> {
    if args.json {
        return Err(CommandError::Usage(anyhow!(
            "--json needs --check or no FILE, because a file keeps its format when it is written"
        )));
    }
    if args.write && path == Path::new("-") {
        return Err(CommandError::Usage(anyhow!("standard input cannot be changed; remove --write")));
    }
    let source = InputFile::read_app_spec(path).map_err(CommandError::Usage)?;
    let written = match rewrite::rewrite_hooks(&source.text, source.is_json(), wanted, args.replace) {
        Ok(written) => written,
        Err(faults) => {
            let rendered = diagnostics::render(TerminalStyle::stderr(), Level::Fault, &source, &faults);
            let nothing = if args.write { "; nothing is written" } else { "" };
            eprintln!("{rendered}\n{}: {}{nothing}", source.name, count(faults.len(), "fault"));
            return Ok(CommandOutcome::Failure);
        }
    };
    if args.write {
        if written.text != source.text {
            save::save(path, &written.text).map_err(CommandError::Usage)?;
        }
        let mut screen = Output::stdout();
        let text = render::render_rewritten(screen.style, &source.name, &written, written.text != source.text);
        screen.println(&text)?;
    } else {
        save::print(&written.text)?;
    }
    if written.comments_lost > 0 {
        let what = if written.comments_lost == 1 { "a comment" } else { "comments" };
        eprintln!("note: {what} in the Hooks section could not be kept when the section was rewritten");
    }
    let known = ValidationContext { own_functions: other_functions(wanted), ..ValidationContext::default() };
    let left = validate::validate(&written.text, source.is_json(), &known);
    let left = left.iter().filter(|one| one.severity != Severity::Note).count();
    if left > 0 {
        let them = if left == 1 { "it" } else { "them" };
        let faults = count(left, "fault");
        eprintln!("note: the file now has {faults}; `greenlight appspec --check` shows {them}");
    }
    Ok(CommandOutcome::Success)
}

/// The requested functions that are not Greenlight's.
fn other_functions(wanted: &[(Hook, String)]) -> Vec<String> {
    let named = wanted.iter().filter_map(|(_, function)| function.parse::<FunctionRef>().ok());
    named.filter(|function| function.function().is_none()).map(|function| function.name).collect()
}
