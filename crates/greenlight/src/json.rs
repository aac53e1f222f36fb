//! `--json`: one JSON object per line. `greenlight rehearse --help` describes the lines.

use rehearsal::{Category, RehearsalEvent, Report, Scenario, ServeEvent};
use serde::Serialize;

#[derive(Serialize)]
struct RehearsalEventLine<'a> {
    scenario: &'a str,
    #[serde(flatten)]
    event: &'a RehearsalEvent,
}

#[derive(Serialize)]
struct ReportLine<'a> {
    #[serde(rename = "event")]
    what: &'static str,
    met_expectations: bool,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    scenario: &'a str,
    #[serde(rename = "event")]
    what: &'static str,
    error: &'a str,
}

#[derive(Serialize)]
struct ServeEventLine<'a> {
    scenario: &'a str,
    #[serde(rename = "event")]
    what: &'static str,
    #[serde(flatten)]
    event: &'a ServeEvent,
}

#[derive(Serialize)]
struct ScenarioLine<'a> {
    scenario: &'a str,
    #[serde(rename = "event")]
    what: &'static str,
    group: Category,
    about: &'a str,
}

pub fn event_line(scenario: &str, moment: &RehearsalEvent) -> serde_json::Result<String> {
    serde_json::to_string(&RehearsalEventLine { scenario, event: moment })
}

/// The last line of a scenario: its report.
pub fn report_line(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(&ReportLine { what: "report", met_expectations: report.met_expectations(), report })
}

/// The last line of a scenario that could not be played.
pub fn error_line(scenario: &str, error: &str) -> serde_json::Result<String> {
    serde_json::to_string(&ErrorLine { scenario, what: "error", error })
}

pub fn serve_event_line(scenario: &str, told: &ServeEvent) -> serde_json::Result<String> {
    let what = match told {
        ServeEvent::Rehearsal(moment) => return self::event_line(scenario, moment),
        ServeEvent::Open(_) => "open",
        ServeEvent::HookWaiting(_) => "waiting",
        ServeEvent::AwsCall(_) => "called",
        ServeEvent::FunctionReturned(_) => "returned",
    };
    serde_json::to_string(&ServeEventLine { scenario, what, event: told })
}

/// A line of `--list`.
pub fn scenario_line(scenario: &Scenario) -> serde_json::Result<String> {
    let Scenario { name, about, category: group, .. } = scenario;
    serde_json::to_string(&ScenarioLine { scenario: name, what: "scenario", group: *group, about })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fixtures;

    #[test]
    fn every_line_says_what_it_is_and_of_which_scenario() {
        let (played, moments) = fixtures::stopped();
        let mut lines: Vec<String> = moments.iter().map(|one| event_line(&played.scenario, one).unwrap()).collect();
        lines.push(report_line(&played).unwrap());
        lines.push(error_line(&played.scenario, "no such program").unwrap());
        for line in &lines {
            assert!(!line.contains('\n'));
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["scenario"], "route-503", "{line}");
            assert!(value["event"].is_string(), "{line}");
        }
        let said =
            |what: &str| lines.iter().find(|line| line.contains(&format!(r#""event":"{what}""#))).unwrap().as_str();
        insta::assert_snapshot!(
            [
                said("deployment-created"),
                said("check-finished"),
                said("hook-finished"),
                said("deployment-ended"),
                said("report")
            ]
            .join("\n")
        );
    }
}
