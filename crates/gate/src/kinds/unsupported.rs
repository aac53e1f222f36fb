//! Keys of a check that this version of the hooks cannot execute. They are recognized, so that the message is not about a
//! misspelt key, and rejected: a check that ends only when the deployment is half done does not help. Their values are
//! not read.

use crate::{MapReader, YamlNode};

/// Kinds of check. Nothing else of such a check is read, because its other keys depend on its kind.
const KINDS: [&str; 2] = ["metric", "steps"];

/// The kinds, and keys of checks of other kinds.
const KEYS: [&str; 5] = ["metric", "steps", "allow", "concurrency", "repeat"];

/// The subjects of many requests together, which need `repeat`.
const SUBJECTS: [&str; 5] = ["success_rate", "p50", "p90", "p95", "p99"];

/// Rejects these keys, if the check has them. No suggestion and no schema mentions them.
pub fn reject(fields: &mut MapReader<'_>) {
    for key in KEYS {
        if fields.is_in_file(key) {
            fields.reject_key(key);
        }
    }
}

/// Whether the check has such a key. Then it can lack what every other check needs.
pub fn has_key(fields: &MapReader<'_>) -> bool {
    KEYS.iter().any(|key| fields.is_in_file(key))
}

/// Whether the check is of such a kind.
pub fn has_kind(check: &YamlNode) -> bool {
    KINDS.iter().any(|kind| check.get(kind).is_some())
}

/// The subject of this condition, if it needs many requests.
pub fn subject_of(condition: &str) -> Option<&'static str> {
    let word = condition.split_whitespace().next()?;
    SUBJECTS.into_iter().find(|subject| *subject == word)
}

#[cfg(test)]
mod tests {
    use crate::{check, reason_code::ReasonCode};

    fn diagnostics(check_text: &str) -> Vec<(ReasonCode, String)> {
        let file = format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{check_text}] }} }}\n");
        check(&file).into_iter().map(|it| (it.code, it.message)).collect()
    }

    #[test]
    fn such_a_key_has_one_diagnostic_whatever_its_value_is() {
        let http = "http: '{{test_url}}/'";
        for (key, check_text) in [
            ("metric", "{ metric: '1 +', for: 8m, every: soon, expect: [value < 1] }"),
            ("metric", "{ metric: }"),
            ("steps", "{ steps: [{ http: 3, capture: { a: json }, always: maybe }] }"),
            ("steps", "{ steps: [] }"),
            ("repeat", &format!("{{ {http}, repeat: 0 }}")),
            ("concurrency", &format!("{{ {http}, concurrency: many }}")),
            ("allow", "{ tasks: green, allow: { failure: 1 } }"),
            ("allow", "{ preflight: service, allow: 1 }"),
            ("p95", &format!("{{ {http}, expect: [p95 < 250] }}")),
        ] {
            let message = format!("`{key}` is not supported by this version of the hooks; remove it");
            assert_eq!(diagnostics(check_text), [(ReasonCode::NotSupportedYet, message)], "{check_text}");
        }
    }

    #[test]
    fn other_mistakes_of_the_check_are_reported_too() {
        let found = diagnostics("{ tasks: gren, allow: 1, on_fail: stop, expect: [running >= 1] }");
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
