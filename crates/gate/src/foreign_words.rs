//! Keys of other tools and of earlier versions, and the line to write instead. `condition::foreign` does the same for
//! conditions.
//!
//! A row applies only to a map that has the row's own key, so that `interval` is explained in a check, and not in
//! `retry`.

use lifecycle::Hook;

use super::{
    Condition, Message, YamlNode, YamlValue, condition::translate, duration, kinds::RESPONSE_SUBJECTS, yaml::MapKey,
    yaml_writer::to_flow_line,
};

/// A key that the file has, with the other keys of the same map.
#[derive(Clone, Copy)]
pub struct KeyUse<'a> {
    pub name: &'a str,
    pub node: &'a YamlNode,
    pub entries: &'a [(MapKey, YamlNode)],
}

/// A key that some people know from elsewhere.
struct ForeignKey {
    word: &'static str,
    /// The end of a sentence that starts with the word.
    why: &'static str,
    key: &'static str,
    /// What to write in place of it: at least one key with its value. `None` if another row fits this value.
    line: fn(KeyUse<'_>) -> Option<String>,
}

const GATUS: &str = "is a key of Gatus";
const K6: &str = "is a key of k6";
const ARGO: &str = "is a key of Argo Rollouts";
const METHOD: &str = "method";
const MERGE: &str = "<<";
/// A longer line is cut after its key.
const MAX_LINE_CHARS: usize = 200;
/// For a check of a metric, because the kind `metric` is not supported yet.
const ALARM: &str = "alarms: { names: [ALARM] }";

/// In one word, all rows before the last one can be without a line.
const FOREIGN_KEYS: &[ForeignKey] = &[
    row("url", GATUS, "tcp", |it| Some(format!("tcp: {}", it.text()?.strip_prefix("tcp://")?))),
    row("url", GATUS, "http", |it| Some(request(it.sibling("method"), it.text()))),
    row("conditions", GATUS, "expect", |it| Some(conditions(it.node))),
    row("interval", "is a key of Gatus and Argo Rollouts", "every", |it| Some(duration("every", it))),
    row("success-threshold", GATUS, "consecutive", |it| Some(number("consecutive", it))),
    row("failure-threshold", "is a key of Gatus; here a check has time until it passes", "within", |it| {
        Some(time_to_pass(it))
    }),
    row("client", GATUS, "timeout", |it| Some(client(it.node))),
    row("endpoints", "is a key of Gatus; here a hook has checks", "hooks", |_| Some(EXAMPLE_HOOKS.to_owned())),
    row(METHOD, "goes before the URL", "http", |it| Some(request(it.text(), it.sibling("http").or(it.sibling("url"))))),
    row("body", "has a key for each type of content: `json`, `form` or `text`", "json", |it| json_body(it.node)),
    row("body", "has a key for each type of content: `json`, `form` or `text`", "text", |it| {
        Some(line("text", &it.node.data))
    }),
    row("vus", "is a key of k6; a check sends one request at a time", "consecutive", |it| {
        Some(number("consecutive", it))
    }),
    row("iterations", K6, "consecutive", |it| Some(number("consecutive", it))),
    row("duration", K6, "for", |it| Some(duration("for", it))),
    row("thresholds", K6, "expect", |it| Some(thresholds(it.node))),
    row("abortOnFail", K6, "run", |_| Some("run: fail-fast".to_owned())),
    row("provider", ARGO, "http", |it| Some(request(None, Some(it.node.get("web")?.get("url")?.as_text()?)))),
    row("provider", "is a key of Argo Rollouts; here CloudWatch compares a metric", "alarms", |_| {
        Some(ALARM.to_owned())
    }),
    row("successCondition", ARGO, "expect", |it| {
        let has_response = it.entries.iter().any(|(key, node)| match key.name.as_str() {
            "http" | "url" => true,
            "provider" => node.get("web").is_some(),
            _ => false,
        });
        Some(if has_response { conditions(it.node) } else { "expect: [state == OK]".to_owned() })
    }),
    row("count", ARGO, "consecutive", |it| Some(number("consecutive", it))),
    row("consecutiveSuccessLimit", ARGO, "consecutive", |it| Some(number("consecutive", it))),
    row("failureLimit", "is a key of Argo Rollouts; here a check has time until it passes", "within", |it| {
        Some(time_to_pass(it))
    }),
    row("timeoutSeconds", "is a key of Argo Rollouts and Kubernetes", "timeout", |it| Some(duration("timeout", it))),
    row("periodSeconds", "is a key of Kubernetes", "every", |it| Some(duration("every", it))),
    row("successThreshold", "is a key of Kubernetes", "consecutive", |it| Some(number("consecutive", it))),
    row("dryRun", ARGO, "on_fail", |_| Some("on_fail: warn".to_owned())),
    row("dryRun", ARGO, "mode", |_| Some("mode: observe".to_owned())),
];

/// Old names of keys, with their new names.
const RENAMED: [(&str, &str); 5] =
    [("ecs", "tasks"), ("reach", "forwards_to"), ("answers", "health_check"), ("until", "within"), ("words", "marker")];

const EXAMPLE_HOOKS: &str =
    "hooks: { after_allow_test_traffic: { checks: [{ http: \"{{test_url}}/health\", expect: [status == 200] }] } }";

const fn row(
    word: &'static str,
    why: &'static str,
    key: &'static str,
    line: fn(KeyUse<'_>) -> Option<String>,
) -> ForeignKey {
    ForeignKey { word, why, key, line }
}

pub fn old_name(key: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(_, new)| *new == key).map(|(old, _)| *old)
}

/// Explains a key that is not among the known keys of its map, if another tool or an earlier version has it.
pub fn explain(it: KeyUse<'_>, known: &[&'static str]) -> Option<Message> {
    let name = it.name;
    if let Some((_, new)) = RENAMED.iter().find(|(old, new)| *old == name && known.contains(new)) {
        let value = match &it.node.data {
            YamlValue::Null | YamlValue::List(_) | YamlValue::Map(_) => String::new(),
            simple => format!(" {}", to_flow_line(simple)),
        };
        return Some(Message::write_instead(format_args!("`{name}` has a new name"), &format!("{new}:{value}")));
    }
    let spelt = |hook: &Hook| hook.event_name().eq_ignore_ascii_case(name) && known.contains(&hook.key());
    if let Some(hook) = Hook::ALL.iter().find(|hook| spelt(hook)) {
        return Some(Message::write_instead(
            format_args!("`{name}` is CodeDeploy's spelling"),
            &format!("{}:", hook.key()),
        ));
    }
    if name == MERGE {
        let keys = merged_entries(it).map(|(key, value)| line(&key.name, &value.data)).collect::<Vec<_>>().join(", ");
        let keys = if keys.chars().count() > MAX_LINE_CHARS { String::new() } else { keys };
        let why = "`<<` merges maps in some YAML files, and a gate file cannot have it";
        return Some(if keys.is_empty() { why.into() } else { Message::write_instead(why, &keys) });
    }
    let (row, line) = find(it, known)?;
    if row.word != METHOD && it.entries.iter().any(|entry| is_given(&entry.0, it) && is_same_key(entry, it, row.key)) {
        return Some(format!("`{name}` {}; `{}` already replaces it, so remove `{name}`", row.why, row.key).into());
    }
    let line = if line.chars().count() > MAX_LINE_CHARS { format!("{}: …", row.key) } else { line };
    Some(Message::write_instead(format_args!("`{name}` {}", row.why), &line))
}

/// Whether the file itself has this key. The keys that a built-in check has by default all have the same position.
fn is_given(key: &MapKey, it: KeyUse<'_>) -> bool {
    it.entries.iter().filter(|(other, _)| other.at == key.at).count() == 1
}

/// Whether another entry of the map is our key, or an earlier one stands for it.
fn is_same_key((key, node): &(MapKey, YamlNode), it: KeyUse<'_>, ours: &'static str) -> bool {
    let is_earlier = it.entries.iter().take_while(|(key, _)| key.name != it.name).any(|(earlier, _)| earlier == key);
    let foreign = KeyUse { name: &key.name, node, ..it };
    key.name == ours || is_earlier && meant_key(foreign, &[ours]).is_some()
}

/// Which of these keys an unknown key stands for.
pub fn meant_key(it: KeyUse<'_>, known: &[&'static str]) -> Option<&'static str> {
    if it.name == MERGE {
        return known.iter().copied().find(|key| merged_entries(it).any(|(merged, _)| merged.name == *key));
    }
    let renamed = RENAMED.iter().find(|(old, new)| *old == it.name && known.contains(new)).map(|(_, new)| *new);
    renamed.or_else(|| find(it, known).map(|(row, _)| row.key))
}

fn find(it: KeyUse<'_>, known: &[&'static str]) -> Option<(&'static ForeignKey, String)> {
    let rows = FOREIGN_KEYS.iter().filter(|row| row.word == it.name && known.contains(&row.key));
    rows.filter_map(|row| Some((row, (row.line)(it)?))).next()
}

impl KeyUse<'_> {
    fn text(&self) -> Option<&str> {
        self.node.as_text()
    }

    /// The text of another key of the same map.
    fn sibling(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(key, _)| key.name == name).and_then(|(_, node)| node.as_text())
    }
}

fn line(key: &str, value: &YamlValue) -> String {
    format!("{key}: {}", to_flow_line(value))
}

/// The entries that a merge key adds to its map: those of one map, or of a list of maps.
fn merged_entries(it: KeyUse<'_>) -> impl Iterator<Item = &(MapKey, YamlNode)> {
    let node = it.node;
    let maps = if let YamlValue::List(items) = &node.data { items.as_slice() } else { std::slice::from_ref(node) };
    let is_own = move |name: &str| it.entries.iter().any(|(key, _)| key.name == name);
    maps.iter().flat_map(YamlNode::entries).filter(move |(key, _)| !is_own(&key.name))
}

/// `http: [METHOD] URL`. A URL with a password is not repeated.
fn request(method: Option<&str>, url: Option<&str>) -> String {
    let method = method.unwrap_or_default().to_ascii_uppercase();
    let url = url.filter(|url| !url.contains('@')).unwrap_or("{{test_url}}/health");
    // The URL may already have a method.
    let url = url.rsplit_once(' ').map_or(url, |(_, url)| url);
    line("http", &YamlValue::Text(format!("{method} {url}").trim().to_owned()))
}

/// A duration with its unit. Other tools also count seconds.
fn duration(key: &str, it: KeyUse<'_>) -> String {
    let value = match &it.node.data {
        YamlValue::Text(text) if duration::parse_duration(text).is_ok() => text.clone(),
        YamlValue::Integer(seconds) if *seconds > 0 => format!("{seconds}s"),
        _ => "30s".to_owned(),
    };
    format!("{key}: {value}")
}

fn number(key: &str, it: KeyUse<'_>) -> String {
    let number = if let YamlValue::Integer(number) = it.node.data { number } else { 3 };
    format!("{key}: {}", number.clamp(1, 1000))
}

/// `within`: as many intervals as attempts may fail.
fn time_to_pass(it: KeyUse<'_>) -> String {
    let interval = it.sibling("interval").or(it.sibling("every")).and_then(|text| duration::parse_duration(text).ok());
    let attempts = if let YamlValue::Integer(attempts) = it.node.data { u32::try_from(attempts).ok() } else { None };
    let within = interval.zip(attempts).and_then(|(interval, attempts)| interval.checked_mul(attempts));
    let within = within.filter(|within| !within.is_zero() && *within <= duration::MAX);
    format!("within: {}", within.map_or_else(|| "30s".to_owned(), duration::format_exact))
}

/// The keys of Gatus's `client` that a request has.
fn client(node: &YamlNode) -> String {
    let is_true = |key: &str| node.get(key).is_some_and(|node| node.data == YamlValue::Bool(true));
    let timeout = node.get("timeout").and_then(YamlNode::as_text).map(|text| format!("timeout: {text}"));
    let tls = is_true("insecure").then(|| "tls: unverified".to_owned());
    let redirects = is_true("ignore-redirect").then(|| "redirects: no".to_owned());
    let lines: Vec<_> = [timeout, tls, redirects].into_iter().flatten().collect();
    if lines.is_empty() { "timeout: 10s".to_owned() } else { lines.join(", ") }
}

/// `json: …`, if the body is JSON or a map.
fn json_body(node: &YamlNode) -> Option<String> {
    match &node.data {
        YamlValue::Map(_) | YamlValue::List(_) => Some(line("json", &node.data)),
        YamlValue::Text(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str::<serde_json::Value>(text).ok()?;
            // JSON is YAML, so it stays readable as it is.
            Some(format!("json: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
        _ => None,
    }
}

/// `expect: […]` with conditions of another tool. What cannot be translated stays, and is reported when the file is
/// checked again.
fn conditions(node: &YamlNode) -> String {
    let items = if let YamlValue::List(items) = &node.data { items.as_slice() } else { std::slice::from_ref(node) };
    let ours = |item: &YamlNode| {
        let text = item.as_text().unwrap_or_default();
        let is_ours = || Condition::parse(text, RESPONSE_SUBJECTS).is_ok().then(|| text.to_owned());
        let condition = is_ours().or_else(|| Some(translate(text, RESPONSE_SUBJECTS)?.1));
        to_flow_line(&YamlValue::Text(condition.unwrap_or_else(|| text.to_owned())))
    };
    format!("expect: [{}]", items.iter().map(ours).collect::<Vec<_>>().join(", "))
}

/// The conditions on each response for k6's conditions on all of them.
fn thresholds(node: &YamlNode) -> String {
    let one = |(key, node): &(MapKey, YamlNode)| {
        let first = if let YamlValue::List(items) = &node.data { items.first()? } else { node };
        match key.name.as_str() {
            "http_req_duration" => {
                let (_, limit) = first.as_text()?.split_once('<')?;
                let limit: u32 = limit.trim_start_matches('=').trim().parse().ok()?;
                Some(format!("latency < {limit}ms"))
            }
            "http_req_failed" => Some("status == 2xx".to_owned()),
            _ => None,
        }
    };
    let conditions: Vec<_> = node.entries().iter().filter_map(one).collect();
    if conditions.is_empty() {
        return "expect: [status == 2xx, latency < 500ms]".to_owned();
    }
    format!("expect: [{}]", conditions.join(", "))
}

#[cfg(test)]
mod tests;
