//! A copy of a gate file for a rehearsal: its windows pass faster, and it can enforce what the file only observes.
//!
//! The copy has all effective values, also of the built-in checks, so that every window is in it. Only the times of polling
//! change. The limits of a single request stay, because the service of a rehearsal responds in real time.

use std::time::Duration;

use lifecycle::Hook;

use super::{
    CheckSpec, Diagnostic, MapKey, Position, YamlNode, YamlValue,
    duration::{format_exact, parse_duration},
    load_for_print, yaml_writer,
};

/// The keys whose durations are divided.
const TIME_KEYS: [&str; 6] = ["deadline", "every", "for", "settle", "stable_for", "within"];

/// How a copy differs from its gate file.
#[derive(Clone, Copy, Debug)]
pub struct TrialCopy {
    /// Every duration of polling is divided by it.
    pub speed: u32,
    /// Whether the copy enforces although the file observes, so that a deployment ends with the first hook that stops it.
    pub enforces: bool,
}

/// The gate file with all effective values for all hooks, changed as `copy` says, and without the checks that
/// `is_left_out` names.
///
/// # Errors
/// The errors of the file.
pub fn trial_copy(
    text: Option<&str>,
    copy: TrialCopy,
    is_left_out: impl Fn(&CheckSpec) -> bool,
) -> Result<String, Vec<Diagnostic>> {
    let mut file: Option<Entries> = None;
    for hook in Hook::ALL {
        let section = load_for_print(hook, text)?;
        let left_out: Vec<bool> = section.checks.iter().map(&is_left_out).collect();
        let YamlValue::Map(mut entries) = section.effective() else { continue };
        let mut hooks = entries.pop_if(|(key, _)| key.name == "hooks");
        if let Some((_, hooks)) = &mut hooks {
            for_each_map(hooks, |hook| remove_checks(hook, &left_out));
        }
        let Some(file) = &mut file else {
            entries.extend(hooks);
            file = Some(entries);
            continue;
        };
        // The other entries are the same for all hooks.
        if let (
            Some((_, YamlNode { data: YamlValue::Map(all), .. })),
            Some((_, YamlNode { data: YamlValue::Map(one), .. })),
        ) = (file.last_mut(), hooks)
        {
            all.extend(one);
        }
    }
    let mut file = file.unwrap_or_default();
    let keep_mode = |entries: &mut Entries| entries.retain(|(key, _)| !copy.enforces || key.name != "mode");
    keep_mode(&mut file);
    for (_, hooks) in file.iter_mut().filter(|(key, _)| key.name == "hooks") {
        for_each_map(hooks, |hook| {
            keep_mode(hook);
            shorten(hook, copy.speed);
            for (_, checks) in hook.iter_mut().filter(|(key, _)| key.name == "checks") {
                for_each_map(checks, |check| shorten(check, copy.speed));
            }
        });
    }
    Ok(yaml_writer::to_yaml(&YamlValue::Map(file)))
}

/// Removes checks by their place in the list.
fn remove_checks(hook: &mut Entries, left_out: &[bool]) {
    for (_, checks) in hook.iter_mut().filter(|(key, _)| key.name == "checks") {
        let YamlValue::List(items) = &mut checks.data else { continue };
        let mut out = left_out.iter().copied();
        items.retain(|_| !out.next().unwrap_or_default());
        if items.is_empty() {
            checks.data = YamlValue::Text("none".to_owned());
        }
    }
}

type Entries = Vec<(MapKey, YamlNode)>;

/// Visits the maps in a map or in a list.
fn for_each_map(node: &mut YamlNode, mut visit: impl FnMut(&mut Entries)) {
    let nodes: Vec<&mut YamlNode> = match &mut node.data {
        YamlValue::Map(entries) => entries.iter_mut().map(|(_, node)| node).collect(),
        YamlValue::List(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    for node in nodes {
        if let YamlValue::Map(entries) = &mut node.data {
            visit(entries);
        }
    }
}

/// Shortens the durations that are directly in this map: the names of headers, for example, are the author's.
fn shorten(entries: &mut Entries, speed: u32) {
    for (_, value) in entries.iter_mut().filter(|(key, _)| TIME_KEYS.contains(&key.name.as_str())) {
        if let Some(Ok(span)) = value.as_text().map(parse_duration) {
            *value = YamlNode::new(Position::START, YamlValue::Text(format_exact(divided(span, speed))));
        }
    }
}

/// In whole milliseconds, and never zero unless it was.
fn divided(span: Duration, speed: u32) -> Duration {
    let millis = u64::try_from((span / speed.max(1)).as_millis()).unwrap_or(u64::MAX);
    if span.is_zero() { span } else { Duration::from_millis(millis.max(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, check, load};

    fn faster(speed: u32) -> TrialCopy {
        TrialCopy { speed, enforces: false }
    }

    #[test]
    fn every_window_of_the_built_in_checks_is_shorter() {
        let text = trial_copy(None, faster(30), |_| false).unwrap();
        assert_eq!(check(&text), []);
        for hook in Hook::ALL {
            let (long, short) = (load(hook, None).unwrap(), load(hook, Some(&text)).unwrap());
            assert_eq!(long.checks.len(), short.checks.len(), "{hook}");
            for (long, short) in long.checks.iter().zip(&short.checks) {
                assert_eq!(long.name, short.name);
                let times = |spec: &crate::CheckSpec| {
                    let policy = spec.check.spec().poll_policy().cloned();
                    policy.map(|policy| (policy.within, policy.hold_for))
                };
                let expected = times(long).map(|(within, hold)| (divided(within, 30), divided(hold, 30)));
                assert_eq!(times(short), expected, "{hook} {}", long.name);
            }
        }
    }

    #[test]
    fn the_copy_of_a_file_that_observes_can_enforce() {
        let file = "version: 1\nmode: observe\nhooks: { after_install: { mode: observe, checks: none } }\n";
        for (enforces, mode) in [(true, Mode::Enforce), (false, Mode::Observe)] {
            let text = trial_copy(Some(file), TrialCopy { speed: 30, enforces }, |_| false).unwrap();
            let modes = Hook::ALL.map(|hook| load(hook, Some(&text)).unwrap().mode);
            assert!(modes.iter().all(|found| *found == mode), "{modes:?} in\n{text}");
        }
    }

    #[test]
    fn what_is_not_a_window_stays() {
        let file = "version: 1
mode: observe
secrets: { token: ssm:/shop/token }
hooks:
  after_allow_test_traffic:
    deadline: 10m
    checks:
      - name: pay
        http: GET {{test_url}}/pay
        headers: { authorization: 'Bearer {{secret.token}}', every: 10s }
        expect: [status == 200, latency < 900ms]
        timeout: 4s
        within: 1m
        every: 10s
";
        let text = trial_copy(Some(file), faster(20), |_| false).unwrap();
        for line in ["deadline: 30s", "within: 3s", "every: 500ms", "every: 10s", "timeout: 4s", "mode: observe"] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.contains("latency < 900ms") && text.contains("ssm:/shop/token"), "{text}");
        assert_eq!(check(&text), [], "{text}");
    }

    #[test]
    fn checks_can_be_left_out() {
        let file = "version: 1
hooks:
  after_install:
    built_in: none
    checks:
      - { name: here, tasks: green, expect: [steady == true] }
      - { name: elsewhere, http: GET https://api.example.com/, expect: [status == 200] }
  before_install:
    built_in: none
    checks:
      - { name: elsewhere, http: GET https://api.example.com/, expect: [status == 200] }
";
        let text = trial_copy(Some(file), faster(20), |check| check.name == "elsewhere").unwrap();
        assert_eq!(check(&text), [], "{text}");
        let names = |hook| load(hook, Some(&text)).unwrap().checks.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(Hook::AfterInstall), ["here"]);
        assert_eq!(names(Hook::BeforeInstall), [""; 0]);
    }

    #[test]
    fn errors_are_those_of_the_file() {
        assert_eq!(trial_copy(Some("version: 1\nhoks: {}"), faster(30), |_| false), Err(check("version: 1\nhoks: {}")));
    }
}
