//! From what was asked on the command line to what can be played. All that is wrong here is bad usage.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rehearsal::{FunctionName, HookName, Options, Scenario};

use crate::{args::Rehearse, filter};

/// What a newcomer is shown: what it looks like when all is well, and what the hooks are for.
const TOUR: [&str; 2] = ["healthy", "route-503"];

/// A name that is less alike than this is no misspelling (0 is not alike, 1 is the same).
const ALIKE: f64 = 0.7;

/// The scenarios that were asked for, in that order.
///
/// # Errors
/// When one is unknown, cannot be read, or is not a scenario.
pub fn scenarios(args: &Rehearse) -> Result<Vec<Scenario>> {
    if args.is_table() {
        return filtered(&args.filters);
    }
    if args.scenarios.is_empty() && args.appspec.is_some() {
        return scenario(TOUR[0]).map(|healthy| vec![healthy]);
    }
    if args.scenarios.is_empty() {
        return TOUR.iter().map(|name| scenario(name)).collect();
    }
    args.scenarios.iter().map(|asked| scenario(asked)).collect()
}

/// Whether the tour is what is played.
pub fn is_tour(args: &Rehearse) -> bool {
    !args.is_table() && args.scenarios.is_empty() && args.appspec.is_none()
}

/// The scenarios that any of the filters means; without filters, all.
///
/// # Errors
/// When a filter means none: somebody would believe that what they named had been played.
pub fn filtered(filters: &[String]) -> Result<Vec<Scenario>> {
    let all = Scenario::all();
    for filter in filters {
        if !all.iter().any(|one| filter::matches(filter, &one.name)) {
            let names: Vec<String> = all.into_iter().map(|one| one.name).collect();
            bail!("{}", no_match(filter, &names));
        }
    }
    let meant = |one: &Scenario| filters.is_empty() || filters.iter().any(|filter| filter::matches(filter, &one.name));
    Ok(all.into_iter().filter(meant).collect())
}

fn no_match(filter: &str, names: &[String]) -> String {
    // A part of a name may have been meant, so its words are neighbours too.
    let words = names.iter().flat_map(|name| name.split('-').chain([name.as_str()])).filter(|word| word.len() > 2);
    let hint = did_you_mean(&filter.replace(['*', '?'], ""), words);
    format!("no scenario has `{filter}` in its name{hint} (`greenlight rehearse --list` shows all of them)")
}

/// The one scenario whose world is served.
///
/// # Errors
/// When it is unknown, or there are several.
pub fn to_serve(args: &Rehearse) -> Result<(Scenario, HookName)> {
    let scenario = match args.scenarios.as_slice() {
        [] => scenario(TOUR[0])?,
        [one] => scenario(one)?,
        _ => bail!("one world can be served at a time; say one --scenario"),
    };
    if scenario.together {
        bail!("{} has two deployments at once, and one can be served; say another --scenario", scenario.name);
    }
    let stops = scenario.deployments.iter().find_map(|play| play.expect.stopped_by);
    // There is everything to look at, and customers are not yet concerned: the hook that most people write first.
    let at = args.at.or(stops).unwrap_or(HookName::AfterAllowTestTraffic);
    Ok((scenario, at))
}

fn scenario(asked: &str) -> Result<Scenario> {
    if let Some(found) = Scenario::named(asked) {
        return Ok(found);
    }
    let path = Path::new(asked);
    let looks_like_a_file = path.components().count() > 1 || path.extension().is_some() || path.exists();
    if looks_like_a_file {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the scenario {asked}"))?;
        return Scenario::from_yaml(&text, asked);
    }
    let names: Vec<String> = Scenario::all().into_iter().map(|one| one.name).collect();
    bail!("{}", unknown(asked, &names))
}

fn unknown(asked: &str, names: &[String]) -> String {
    let hint = did_you_mean(asked, names.iter().map(String::as_str));
    format!("there is no scenario `{asked}`{hint} (`greenlight rehearse --list` shows all of them)")
}

fn did_you_mean<'a>(asked: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known
        .map(|name| (strsim::jaro_winkler(&asked.to_lowercase(), name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Where the hooks are and which gate file they get.
///
/// # Errors
/// When the gate file cannot be read, or one of the six programs is missing.
pub fn options(args: &Rehearse) -> Result<Options> {
    let gate = match &args.gate {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read the gate file {}", path.display()))?;
            // A hook that finds its variable empty has no gate file, which is something else.
            if text.trim().is_empty() {
                bail!("the gate file {} is empty; a gate file begins with `version: 1`", path.display());
            }
            Some(text)
        }
    };
    let binaries = match &args.binaries {
        Some(folder) => folder.clone(),
        None => beside_this_program()?,
    };
    // A program with a path that is relative would be looked for in the folder that it is started in.
    let binaries = binaries.canonicalize().with_context(|| format!("there is no folder {}", binaries.display()))?;
    for function in FunctionName::all() {
        let program = binaries.join(format!("{}{}", function.binary(), env::consts::EXE_SUFFIX));
        if !program.is_file() {
            bail!("the program {} is missing; `make rehearse` builds all six and starts them", program.display());
        }
    }
    Ok(Options { binaries, gate, seed: args.seed, ..Options::default() })
}

fn beside_this_program() -> Result<PathBuf> {
    let mut program = env::current_exe().context("cannot tell where this program is; say --binaries DIR")?;
    program.pop();
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_its_neighbour_and_a_strange_one_none() {
        let names = ["healthy", "tasks-stop", "route-503"].map(String::from);
        let said = |asked| unknown(asked, &names);
        assert!(said("helthy").contains("did you mean `healthy`?"));
        assert!(said("ROUTE-504").contains("did you mean `route-503`?"));
        assert!(!said("blue").contains("did you mean"));
        assert!(said("blue").contains("--list"));
    }

    #[test]
    fn a_filter_that_means_nothing_gets_a_word_that_is_in_a_name() {
        let names = ["healthy", "alarm-after-shift", "route-503"].map(String::from);
        assert_eq!(
            no_match("alram", &names),
            "no scenario has `alram` in its name; did you mean `alarm`? (`greenlight rehearse --list` shows all of them)"
        );
        assert!(no_match("alarm-before*", &names).contains("did you mean `alarm`?"));
        assert!(!no_match("zzz", &names).contains("did you mean"));
    }

    #[test]
    fn any_of_the_filters_will_do_and_none_may_mean_nothing() {
        let names = |filters: &[&str]| {
            let filters: Vec<String> = filters.iter().map(|&text| text.to_owned()).collect();
            filtered(&filters).map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), Scenario::all().len());
        assert_eq!(names(&["route-5?3", "he*thy"]).unwrap(), ["healthy", "route-503"]);
        assert!(names(&["healthy", "zzz"]).is_err());
    }

    #[test]
    fn the_tour_exists() {
        for name in TOUR {
            assert!(Scenario::named(name).is_some(), "{name}");
        }
    }
}
