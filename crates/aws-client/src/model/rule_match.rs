//! Finds the listener rule that a request matches: the first one, in the order of priorities, whose conditions are all
//! met.
//!
//! An Application Load Balancer compares hosts, header values and query strings without regard to case, but paths and
//! methods with regard to case:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>. What cannot be
//! known here, such as the source address of a request or headers added in transit, is *maybe*, never a guess.

use regex_lite::RegexBuilder;

use super::{Patterns, Rule, RuleCondition};

/// The parts of a request that listener rules use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestParts {
    /// The host, with or without a port.
    pub host: String,
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without its `?`.
    pub query: String,
    /// Names and values of headers.
    pub headers: Vec<(String, String)>,
}

/// Whether a request meets a condition, or matches a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionMatch {
    Yes,
    No,
    /// It depends on what is named here.
    Maybe(String),
}

/// The rules that can apply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMatch<'a> {
    /// The first rule that the request certainly matches.
    pub rule: Option<&'a Rule>,
    /// Rules before it that the request may match, each with what that depends on.
    pub possible: Vec<(&'a Rule, String)>,
}

impl<'a> RuleMatch<'a> {
    /// Evaluates the rules of a listener, which must be in the order of their priorities with the default rule last.
    pub fn for_request(rules: &'a [Rule], request: &RequestParts) -> Self {
        let mut possible = Vec::new();
        for rule in rules {
            match rule.is_met_by(request) {
                ConditionMatch::Yes => return Self { rule: Some(rule), possible },
                ConditionMatch::No => {}
                ConditionMatch::Maybe(why) => possible.push((rule, why)),
            }
        }
        Self { rule: None, possible }
    }

    /// All rules that may apply, in order.
    pub fn candidates(&self) -> impl Iterator<Item = &'a Rule> {
        self.possible.iter().map(|(rule, _)| *rule).chain(self.rule)
    }
}

impl Rule {
    /// Whether a request meets all conditions of the rule.
    pub(crate) fn is_met_by(&self, request: &RequestParts) -> ConditionMatch {
        let mut all = ConditionMatch::Yes;
        for condition in &self.conditions {
            match condition.is_met_by(request) {
                ConditionMatch::No => return ConditionMatch::No,
                ConditionMatch::Yes => {}
                perhaps if all == ConditionMatch::Yes => all = perhaps,
                ConditionMatch::Maybe(_) => {}
            }
        }
        all
    }
}

/// Headers that the client or the load balancer adds, whose values are not known here.
fn is_added_in_transit(header: &str) -> bool {
    let names = ["accept-encoding", "connection", "content-length", "forwarded", "transfer-encoding", "upgrade", "via"];
    names.contains(&header) || header.starts_with("x-forwarded-") || header.starts_with("x-amzn-")
}

impl RuleCondition {
    fn is_met_by(&self, request: &RequestParts) -> ConditionMatch {
        match self {
            Self::Host(hosts) => hosts.matches(host_without_port(&request.host), CaseSensitivity::Insensitive),
            Self::Path(paths) => {
                paths.matches_raw_or_decoded(&request.path, CaseSensitivity::Sensitive, "how the path is decoded")
            }
            Self::Method(methods) => yes_if(methods.contains(&request.method)),
            Self::Query(pairs) => match_query(pairs, &request.query),
            Self::Header { name, values } => {
                let name = name.to_ascii_lowercase();
                let own = request.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(&name));
                let seen = any_met(own.map(|(_, value)| values.matches(value, CaseSensitivity::Insensitive)));
                match seen {
                    ConditionMatch::No if is_added_in_transit(&name) => {
                        ConditionMatch::Maybe(format!("the header {name}"))
                    }
                    seen => seen,
                }
            }
            // These two blocks contain every address.
            Self::SourceIp(blocks) if ["0.0.0.0/0", "::/0"].iter().all(|all| blocks.iter().any(|own| own == all)) => {
                ConditionMatch::Yes
            }
            Self::SourceIp(_) => ConditionMatch::Maybe("the address that the request comes from".to_owned()),
            Self::Unknown(field) => {
                ConditionMatch::Maybe(format!("a condition that these hooks do not know ({field})"))
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CaseSensitivity {
    Sensitive,
    Insensitive,
}

impl Patterns {
    /// Whether one of the patterns matches a text.
    fn matches(&self, text: &str, case: CaseSensitivity) -> ConditionMatch {
        let wild = self.wildcards.iter().map(|pattern| yes_if(matches_wildcards(pattern, text, case, false)));
        any_met(wild.chain(self.regexes.iter().map(|regex| match_regex(regex, text, case))))
    }

    /// Whether one of the patterns matches a host name.
    pub fn matches_host(&self, host: &str) -> ConditionMatch {
        self.matches(host_without_port(host), CaseSensitivity::Insensitive)
    }

    /// Like [`Self::matches`], for a text that may be compared as it is or with its percent-encoding decoded.
    fn matches_raw_or_decoded(&self, text: &str, case: CaseSensitivity, depends: &str) -> ConditionMatch {
        let raw = self.matches(text, case);
        let decoded = percent_decoded(text);
        if decoded == text || self.matches(&decoded, case) == raw {
            raw
        } else {
            ConditionMatch::Maybe(depends.to_owned())
        }
    }
}

/// A query condition is met by one key with its value, or by one value of any key.
fn match_query(pairs: &[(Option<String>, String)], query: &str) -> ConditionMatch {
    let own: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) => (percent_decoded(key), Some(percent_decoded(value))),
            None => (percent_decoded(pair), None),
        })
        .collect();
    let like = |pattern: &str, text: &str| matches_wildcards(pattern, text, CaseSensitivity::Insensitive, true);
    any_met(pairs.iter().flat_map(|(key, value)| {
        own.iter().map(move |(own_key, own_value)| match (key, own_value) {
            (Some(key), Some(own_value)) => yes_if(like(key, own_key) && like(value, own_value)),
            (None, Some(own_value)) => yes_if(like(value, own_value)),
            // AWS does not document whether a word without `=` is a key or a value.
            (Some(key), None) if like(key, own_key) && like(value, "") => {
                ConditionMatch::Maybe("a word of the query without =".to_owned())
            }
            (None, None) if like(value, own_key) => ConditionMatch::Maybe("a word of the query without =".to_owned()),
            (_, None) => ConditionMatch::No,
        })
    }))
}

/// A load balancer compares a host without its port.
fn host_without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

const fn yes_if(met: bool) -> ConditionMatch {
    if met { ConditionMatch::Yes } else { ConditionMatch::No }
}

/// The result for several values, of which one match is enough.
fn any_met(all: impl IntoIterator<Item = ConditionMatch>) -> ConditionMatch {
    let mut result = ConditionMatch::No;
    for condition_match in all {
        match condition_match {
            ConditionMatch::Yes => return ConditionMatch::Yes,
            ConditionMatch::No => {}
            perhaps => result = perhaps,
        }
    }
    result
}

/// Whether a regular expression matches. AWS does not document whether it must match the whole text, and whether case
/// matters. If that makes a difference, the result is `Maybe`.
fn match_regex(regex: &str, text: &str, case: CaseSensitivity) -> ConditionMatch {
    let depends = || ConditionMatch::Maybe(format!("how the load balancer reads the regular expression {regex}"));
    let build = |regex: &str, ignored| RegexBuilder::new(regex).case_insensitive(ignored).build();
    let (Ok(strict), Ok(loose)) =
        (build(&format!("^(?:{regex})$"), case == CaseSensitivity::Insensitive), build(regex, true))
    else {
        return depends();
    };
    match (strict.is_match(text), loose.is_match(text)) {
        (true, _) => ConditionMatch::Yes,
        (false, false) => ConditionMatch::No,
        (false, true) => depends(),
    }
}

/// Whether `text` matches `pattern`, in which `*` is any text and `?` any character. With `escapes`, as in a query
/// string, `\` makes the next character literal.
fn matches_wildcards(pattern: &str, text: &str, case: CaseSensitivity, escapes: bool) -> bool {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '\\' if escapes => PatternToken::Char(characters.next().unwrap_or('\\')),
            '*' => PatternToken::AnyText,
            '?' => PatternToken::AnyChar,
            character => PatternToken::Char(character),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let same = |own: char, other: char| match case {
        CaseSensitivity::Sensitive => own == other,
        CaseSensitivity::Insensitive => own.eq_ignore_ascii_case(&other),
    };
    // The last `*`, and the position of the text there. If the rest does not match, the `*` takes one more character.
    let (mut token, mut at, mut star) = (0, 0, None);
    while at < text.len() {
        match tokens.get(token) {
            Some(PatternToken::AnyText) => {
                star = Some((token, at));
                token += 1;
            }
            Some(PatternToken::AnyChar) => (token, at) = (token + 1, at + 1),
            Some(PatternToken::Char(own)) if same(*own, text[at]) => (token, at) = (token + 1, at + 1),
            _ => match star {
                Some((before, taken)) => {
                    star = Some((before, taken + 1));
                    (token, at) = (before + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| matches!(token, PatternToken::AnyText))
}

enum PatternToken {
    AnyText,
    AnyChar,
    Char(char),
}

/// Decodes percent-encoding, as far as the result is text.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        // `from_str_radix` would also accept a sign.
        let hex = hex.filter(|hex| hex.iter().all(u8::is_ascii_hexdigit)).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
