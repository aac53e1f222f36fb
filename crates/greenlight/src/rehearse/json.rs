//! `--json`: one JSON object per line. `greenlight rehearse --help` describes the lines.

use rehearsal::{Category, RehearsalEvent, Report, Scenario, ServeEvent};
use serde::Serialize;

/// A line about a scenario.
#[derive(Serialize)]
struct Line<'a, T> {
    scenario: &'a str,
    /// What the line is about. `None` if the content says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(flatten)]
    content: T,
}

pub fn event_line<'a>(scenario: &'a str, event: &'a RehearsalEvent) -> impl Serialize + 'a {
    Line { scenario, event: None, content: event }
}

/// The last line of a scenario: its report.
pub fn report_line(report: &Report) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct ReportLine<'a> {
        event: &'static str,
        met_expectations: bool,
        #[serde(flatten)]
        report: &'a Report,
    }
    ReportLine { event: "report", met_expectations: report.met_expectations(), report }
}

/// The last line of a scenario that could not be played.
pub fn error_line<'a>(scenario: &'a str, error: &'a str) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Content<'a> {
        error: &'a str,
    }
    Line { scenario, event: Some("error"), content: Content { error } }
}

pub fn serve_event_line<'a>(scenario: &'a str, content: &'a ServeEvent) -> impl Serialize + 'a {
    let event = match content {
        ServeEvent::Rehearsal(_) => None,
        ServeEvent::Open(_) => Some("open"),
        ServeEvent::HookWaiting(_) => Some("waiting"),
        ServeEvent::AwsCall(_) => Some("called"),
        ServeEvent::FunctionReturned(_) => Some("returned"),
    };
    Line { scenario, event, content }
}

/// A line of `--list`.
pub fn scenario_line(scenario: &Scenario) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Content<'a> {
        group: Category,
        about: &'a str,
    }
    let content = Content { group: scenario.category, about: &scenario.about };
    Line { scenario: &scenario.name, event: Some("scenario"), content }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rehearse::fixtures;

    #[test]
    fn every_line_says_what_it_is_and_of_which_scenario() {
        let (played, moments) = fixtures::stopped();
        let events = moments.iter().map(|one| serde_json::to_string(&event_line(&played.scenario, one)));
        let others = [
            serde_json::to_string(&report_line(&played)),
            serde_json::to_string(&error_line(&played.scenario, "no such program")),
        ];
        let lines: Vec<String> = events.chain(others).map(Result::unwrap).collect();
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
