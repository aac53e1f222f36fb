//! `--json`: one object per line. What the lines hold is described in `greenlight rehearse --help`.

use rehearsal::{Group, Moment, Report, Scenario, Told};
use serde::Serialize;

#[derive(Serialize)]
struct MomentLine<'a> {
    scenario: &'a str,
    #[serde(flatten)]
    moment: &'a Moment,
}

#[derive(Serialize)]
struct ReportLine<'a> {
    what: &'static str,
    held: bool,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    scenario: &'a str,
    what: &'static str,
    error: &'a str,
}

#[derive(Serialize)]
struct ToldLine<'a> {
    scenario: &'a str,
    what: &'static str,
    #[serde(flatten)]
    told: &'a Told,
}

#[derive(Serialize)]
struct ScenarioLine<'a> {
    scenario: &'a str,
    what: &'static str,
    group: Group,
    about: &'a str,
}

/// A moment of a scenario.
pub fn moment(scenario: &str, moment: &Moment) -> serde_json::Result<String> {
    serde_json::to_string(&MomentLine { scenario, moment })
}

/// The report of a scenario, its last line.
pub fn report(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(&ReportLine { what: "report", held: report.held(), report })
}

/// A scenario that could not be played.
pub fn error(scenario: &str, error: &str) -> serde_json::Result<String> {
    serde_json::to_string(&ErrorLine { scenario, what: "error", error })
}

/// What happens in a world that is served.
pub fn told(scenario: &str, told: &Told) -> serde_json::Result<String> {
    let what = match told {
        Told::Moment(moment) => return self::moment(scenario, moment),
        Told::Open(_) => "open",
        Told::Waiting(_) => "waiting",
        Told::Called(_) => "called",
        Told::Returned(_) => "returned",
    };
    serde_json::to_string(&ToldLine { scenario, what, told })
}

/// A scenario that there is.
pub fn listed(scenario: &Scenario) -> serde_json::Result<String> {
    let Scenario { name, about, group, .. } = scenario;
    serde_json::to_string(&ScenarioLine { scenario: name, what: "scenario", group: *group, about })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::sample;

    #[test]
    fn every_line_says_what_it_is_and_of_which_scenario() {
        let (played, moments) = sample::stopped();
        let mut lines: Vec<String> = moments.iter().map(|one| moment(&played.scenario, one).unwrap()).collect();
        lines.push(report(&played).unwrap());
        lines.push(error(&played.scenario, "no such program").unwrap());
        for line in &lines {
            assert!(!line.contains('\n'));
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["scenario"], "route-503", "{line}");
            assert!(value["what"].is_string(), "{line}");
        }
        let said =
            |what: &str| lines.iter().find(|line| line.contains(&format!(r#""what":"{what}""#))).unwrap().as_str();
        insta::assert_snapshot!(
            [said("created"), said("checked"), said("answered"), said("ended"), said("report")].join("\n")
        );
    }
}
