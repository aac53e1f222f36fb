//! `--junit`: a report for CI systems, with one test case per scenario.
//!
//! The format has no standard. This is what Jenkins and GitLab read: counts, times in seconds, and the first line of a
//! failure as its `message`.

use std::{io, time::Duration};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use rehearsal::{Report, Status};

use super::{
    messages::{self, StopReason},
    scenario_run::{RunEnd, ScenarioRun},
    timeline::unmet_expectations,
};

/// The name of the suite, and the class name of its cases.
const SUITE: &str = "greenlight.rehearsal";

/// Renders the report of all scenarios.
///
/// # Errors
/// No error is known: the report is written to memory.
pub fn render_junit(all: &[ScenarioRun], took: Duration) -> io::Result<Vec<u8>> {
    let failures =
        all.iter().filter(|one| matches!(&one.end, RunEnd::Completed(report) if !report.met_expectations())).count();
    let errors = all.iter().filter(|one| matches!(one.end, RunEnd::Error(_))).count();
    let counts = [
        ("tests", all.len().to_string()),
        ("failures", failures.to_string()),
        ("errors", errors.to_string()),
        ("skipped", "0".to_owned()),
        ("time", decimal_seconds(took)),
    ];
    let with = |name: &'static str| [("name", name.to_owned())].into_iter().chain(counts.clone());
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut suites = xml.create_element("testsuites");
    for (name, value) in with("greenlight rehearse") {
        suites = suites.with_attribute((name, value.as_str()));
    }
    suites.write_inner_content(|xml| {
        let mut suite = xml.create_element("testsuite");
        for (name, value) in with(SUITE) {
            suite = suite.with_attribute((name, value.as_str()));
        }
        suite.write_inner_content(|xml| all.iter().try_for_each(|one| write_case(xml, one))).map(|_| ())
    })?;
    let mut text = xml.into_inner();
    text.push(b'\n');
    Ok(text)
}

fn write_case(xml: &mut Writer<Vec<u8>>, played: &ScenarioRun) -> io::Result<()> {
    let took = decimal_seconds(played.elapsed);
    let attributes = [("classname", SUITE), ("name", played.scenario.as_str()), ("time", took.as_str())];
    let case = xml.create_element("testcase").with_attributes(attributes);
    case.write_inner_content(|xml| {
        match &played.end {
            RunEnd::Error(error) => {
                write_failure(xml, "error", "NotPlayed", &format!("could not be played: {error}"), "")?
            }
            RunEnd::Completed(report) if report.met_expectations() => {}
            RunEnd::Completed(report) => {
                let said = unmet_expectations(report);
                let text = [said.clone(), stop_reasons(report)].concat().join("\n");
                write_failure(xml, "failure", "NotAsPromised", &said.join("; "), &text)?;
            }
        }
        xml.create_element("system-out")
            .write_text_content(BytesText::new(&strip_illegal_chars(&played.transcript)))
            .map(|_| ())
    })?;
    Ok(())
}

fn write_failure(xml: &mut Writer<Vec<u8>>, element: &str, kind: &str, message: &str, text: &str) -> io::Result<()> {
    let message = strip_illegal_chars(&message.split_whitespace().collect::<Vec<_>>().join(" "));
    let element = xml.create_element(element).with_attributes([("type", kind), ("message", message.as_str())]);
    element
        .write_text_content(BytesText::new(&strip_illegal_chars(if text.is_empty() { &message } else { text })))
        .map(|_| ())
}

/// Why hooks stopped the deployments, and how to reproduce the run.
fn stop_reasons(report: &Report) -> Vec<String> {
    let stopped =
        report.deployments.iter().flat_map(|one| &one.hooks).filter(|run| run.status != Some(Status::Succeeded));
    let why = |run| {
        let StopReason { check, reason, next } = messages::stop_reason(run);
        let check = check.map(|name| format!(", check `{name}`")).unwrap_or_default();
        let next = next.map(|next| format!("\nnext: {next}")).unwrap_or_default();
        format!("why: {}{check}: {reason}{next}", run.hook)
    };
    stopped.map(why).chain([messages::reproduce_hint(report.seed)]).collect()
}

/// Removes the characters that XML 1.0 cannot represent in any form. A service's response can contain them.
fn strip_illegal_chars(text: &str) -> String {
    text.chars().filter(|one| matches!(one, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)).collect()
}

/// Seconds with three decimals: `12.345`.
fn decimal_seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::fixtures;

    const ELAPSED: Duration = Duration::from_millis(12_345);

    fn text(all: &[ScenarioRun]) -> String {
        String::from_utf8(render_junit(all, ELAPSED).unwrap()).unwrap()
    }

    #[test]
    fn a_case_for_each_scenario() {
        let mut stopped = fixtures::stopped().0;
        stopped.deployments[0].differences.push("expected it to succeed; AfterAllowTestTraffic stopped it".into());
        let mut healthy = fixtures::completed_run(fixtures::healthy().0);
        healthy.transcript = "healthy\n\n      0s  <&> \u{1b}[32m✓\u{1b}[0m \"done\"".into();
        let all = [healthy, fixtures::completed_run(stopped), fixtures::not_run("tasks-stop", "permission\ndenied")];
        insta::assert_snapshot!(text(&all));
    }

    #[test]
    fn it_is_xml_that_gives_back_what_was_said() {
        let mut played = fixtures::completed_run(fixtures::healthy().0);
        played.transcript = "a < b && \"c\" ]]> \u{0} ✓\n  d".into();
        let text = text(&[played]);
        let document = roxmltree::Document::parse(&text).unwrap();
        let output = document.descendants().find(|node| node.has_tag_name("system-out")).unwrap();
        assert_eq!(output.text(), Some("a < b && \"c\" ]]>  ✓\n  d"));
    }
}
