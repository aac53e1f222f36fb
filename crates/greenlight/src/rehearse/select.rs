//! Turns the command line into scenarios and options. Every error here is bad usage.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use rehearsal::{FunctionName, Hook, Options, Scenario, ServiceDescription, TrialQuestion};

use super::{filter, options::RehearseOptions};
use crate::cli::{
    InputFile,
    suggest::{did_you_mean, nearest},
};

/// The tour for a newcomer: a deployment that succeeds, and one that a hook stops.
const DEFAULT_SCENARIOS: [&str; 2] = ["healthy", "route-503"];

/// The least similarity of a misspelled name: 0 is nothing in common, 1 is equal.
const MIN_SIMILARITY: f64 = 0.7;

/// The scenarios to play, and those that do not fit the user's service.
#[derive(Debug, Default)]
pub struct SelectedScenarios {
    pub scenarios: Vec<Scenario>,
    /// What each scenario asks of a gate file. The service of `--service` does not change that.
    pub questions: Vec<TrialQuestion>,
    /// What the service does not have, with the names of the scenarios that need it.
    pub unsuitable: BTreeMap<&'static str, Vec<String>>,
}

/// The scenarios that the command line names, in that order, with the service of `--service`.
///
/// # Errors
/// If one is unknown, cannot be read, or is not a scenario. If the command line names one that does not fit the service.
pub fn selected_scenarios(args: &RehearseOptions, service: Option<&ServiceDescription>) -> Result<SelectedScenarios> {
    let scenarios = scenarios_on_command_line(args)?;
    let mut selected = SelectedScenarios::default();
    for scenario in scenarios {
        match service.map_or_else(|| Ok(scenario.clone()), |service| scenario.with_service(service)) {
            Ok(played) => {
                selected.questions.push(scenario.trial_question());
                selected.scenarios.push(played);
            }
            Err(needed) if args.scenarios.is_empty() => {
                selected.unsuitable.entry(needed).or_default().push(scenario.name);
            }
            Err(needed) => bail!("{}", unsuitable_message(&scenario.name, needed)),
        }
    }
    Ok(selected)
}

fn unsuitable_message(scenario: &str, needed: &str) -> String {
    format!("the scenario {scenario} needs {needed}, which the service of --service does not have")
}

fn scenarios_on_command_line(args: &RehearseOptions) -> Result<Vec<Scenario>> {
    if args.is_trial() {
        let mut scenarios = matching_scenarios(&args.filters)?;
        scenarios.retain(|one| one.trial_question() != TrialQuestion::NotApplicable);
        // The longest first, so that no long one is left for the end.
        scenarios.sort_by_key(|one| ends_early(&one.trial_question()));
        return Ok(scenarios);
    }
    if args.is_table() {
        return matching_scenarios(&args.filters);
    }
    if args.scenarios.is_empty() && args.appspec.is_some() {
        return load_scenario(DEFAULT_SCENARIOS[0]).map(|healthy| vec![healthy]);
    }
    if args.scenarios.is_empty() {
        return DEFAULT_SCENARIOS.iter().map(|name| load_scenario(name)).collect();
    }
    args.scenarios.iter().map(|name_or_path| load_scenario(name_or_path)).collect()
}

/// Whether a hook before the last one probably stops the deployment. The windows of the last one are the longest.
fn ends_early(question: &TrialQuestion) -> bool {
    match question {
        TrialQuestion::Failure { by, .. } => by.is_some_and(|hook| hook != Hook::AfterAllowTraffic),
        TrialQuestion::Healthy | TrialQuestion::NotApplicable => false,
    }
}

/// Whether the command line selects the tour.
pub fn is_default_selection(args: &RehearseOptions) -> bool {
    !args.is_table() && args.scenarios.is_empty() && args.appspec.is_none()
}

/// The scenarios that match any of the filters; without filters, all.
///
/// # Errors
/// If a filter matches no scenario: the user would believe that the scenario was played.
pub fn matching_scenarios(filters: &[String]) -> Result<Vec<Scenario>> {
    let all = Scenario::built_in();
    for filter in filters {
        if !all.iter().any(|one| filter::matches(filter, &one.name)) {
            let names: Vec<String> = all.into_iter().map(|one| one.name).collect();
            bail!("{}", no_match_message(filter, &names));
        }
    }
    let meant = |one: &Scenario| filters.is_empty() || filters.iter().any(|filter| filter::matches(filter, &one.name));
    Ok(all.into_iter().filter(meant).collect())
}

fn no_match_message(filter: &str, names: &[String]) -> String {
    // The filter can be a part of a name, so the words of the names are candidates too.
    let words = names.iter().flat_map(|name| name.split('-').chain([name.as_str()])).filter(|word| word.len() > 2);
    let hint = did_you_mean(nearest(&filter.replace(['*', '?'], ""), words, MIN_SIMILARITY));
    format!("no scenario has `{filter}` in its name{hint} (`greenlight rehearse --list` shows all of them)")
}

/// The scenario of `--serve`, and the hook to wait at. With an AppSpec file there is no such hook, because the file
/// says which functions are invoked.
///
/// # Errors
/// If the scenario is unknown or has concurrent deployments, or if several are named.
pub fn served_scenario(
    args: &RehearseOptions,
    service: Option<&ServiceDescription>,
) -> Result<(Scenario, Option<Hook>)> {
    let mut scenario = match args.scenarios.as_slice() {
        [] => load_scenario(DEFAULT_SCENARIOS[0])?,
        [one] => load_scenario(one)?,
        _ => bail!("--serve takes one scenario; give --scenario once"),
    };
    if scenario.concurrent {
        bail!("{} has two deployments at once, and --serve takes one; choose another --scenario", scenario.name);
    }
    if let Some(service) = service {
        scenario = scenario
            .with_service(service)
            .map_err(|needed| anyhow!("{}", unsuitable_message(&scenario.name, needed)))?;
    }
    let stops = scenario.deployments.iter().find_map(|play| play.expect.stopped_by);
    // The default is the hook that most people write first: everything exists, and customers are not affected yet.
    let at = args.at.or(stops).unwrap_or(Hook::AfterAllowTestTraffic);
    let has_appspec = args.appspec.is_some() || args.await_deployment;
    Ok((scenario, (!has_appspec).then_some(at)))
}

/// The service of `--service`.
///
/// # Errors
/// If the file cannot be read or is not the description of a service.
pub fn service(args: &RehearseOptions) -> Result<Option<ServiceDescription>> {
    let Some(path) = &args.service else { return Ok(None) };
    let InputFile { name, text } = InputFile::read("service file", path)?;
    ServiceDescription::from_yaml(&text, &name).map(Some)
}

fn load_scenario(name_or_path: &str) -> Result<Scenario> {
    if let Some(found) = Scenario::named(name_or_path) {
        return Ok(found);
    }
    let path = Path::new(name_or_path);
    let looks_like_a_file = path.components().count() > 1 || path.extension().is_some() || path.exists();
    if looks_like_a_file {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the scenario {name_or_path}"))?;
        return Scenario::from_yaml(&text, name_or_path);
    }
    let names: Vec<String> = Scenario::built_in().into_iter().map(|one| one.name).collect();
    bail!("{}", unknown_scenario_message(name_or_path, &names))
}

fn unknown_scenario_message(name: &str, names: &[String]) -> String {
    let hint = did_you_mean(nearest(name, names.iter().map(String::as_str), MIN_SIMILARITY));
    format!("there is no scenario `{name}`{hint} (`greenlight rehearse --list` shows all of them)")
}

/// The options of the rehearsal: the folder of the programs, and the seed.
///
/// # Errors
/// If one of the six programs is missing.
pub fn options(args: &RehearseOptions) -> Result<Options> {
    Ok(Options { binaries: binaries(args)?, seed: args.seed, ..Options::default() })
}

/// The folder of the six programs.
///
/// # Errors
/// If one of them is missing.
pub fn binaries(args: &RehearseOptions) -> Result<PathBuf> {
    let binaries = match &args.binaries {
        Some(folder) => folder.clone(),
        None => default_binaries()?,
    };
    // Canonical, because a relative path would be resolved in the working directory of the new process.
    let binaries = binaries
        .canonicalize()
        .with_context(|| format!("cannot open the folder {} of the hook programs", binaries.display()))?;
    if let Some(missing) = missing_program(&binaries).filter(|_| binaries.is_dir()) {
        bail!(
            "the program {} is missing; leave out --binaries to run the hooks in greenlight itself",
            missing.display()
        );
    }
    Ok(binaries)
}

/// The folder of this program, if it has the six programs. Otherwise this program, which can run each of them.
fn default_binaries() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program; give --binaries DIR")?;
    let folder = program.parent().unwrap_or(&program);
    Ok(if missing_program(folder).is_none() { folder.to_owned() } else { program })
}

fn missing_program(folder: &Path) -> Option<PathBuf> {
    let program =
        |function: FunctionName| folder.join(format!("{}{}", function.program_name(), env::consts::EXE_SUFFIX));
    FunctionName::all_functions().map(program).find(|program| !program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_its_neighbour_and_a_strange_one_none() {
        let names = ["healthy", "tasks-stop", "route-503"].map(String::from);
        let said = |name| unknown_scenario_message(name, &names);
        assert!(said("helthy").contains("did you mean `healthy`?"));
        assert!(said("ROUTE-504").contains("did you mean `route-503`?"));
        assert!(!said("blue").contains("did you mean"));
        assert!(said("blue").contains("--list"));
    }

    #[test]
    fn a_filter_that_means_nothing_gets_a_word_that_is_in_a_name() {
        let names = ["healthy", "alarm-after-shift", "route-503"].map(String::from);
        assert_eq!(
            no_match_message("alram", &names),
            "no scenario has `alram` in its name; did you mean `alarm`? (`greenlight rehearse --list` shows all of them)"
        );
        assert!(no_match_message("alarm-before*", &names).contains("did you mean `alarm`?"));
        assert!(!no_match_message("zzz", &names).contains("did you mean"));
    }

    #[test]
    fn any_of_the_filters_will_do_and_none_may_mean_nothing() {
        let names = |filters: &[&str]| {
            let filters: Vec<String> = filters.iter().map(|&text| text.to_owned()).collect();
            matching_scenarios(&filters).map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), Scenario::built_in().len());
        assert_eq!(names(&["route-5?3", "he*thy"]).unwrap(), ["healthy", "route-503"]);
        assert!(names(&["healthy", "zzz"]).is_err());
    }

    #[test]
    fn the_longest_scenarios_of_a_trial_come_first() {
        let by = |hook| TrialQuestion::Failure { by: Some(hook), code: None };
        assert!(ends_early(&by(Hook::AfterInstall)));
        assert!(!ends_early(&by(Hook::AfterAllowTraffic)) && !ends_early(&TrialQuestion::Healthy));
    }

    #[test]
    fn the_tour_exists() {
        for name in DEFAULT_SCENARIOS {
            assert!(Scenario::named(name).is_some(), "{name}");
        }
    }
}
