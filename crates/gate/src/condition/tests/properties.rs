//! Properties of arbitrary conditions.

use proptest::prelude::*;

use super::*;

fn any_condition() -> impl Strategy<Value = String> {
    let number = || (0_u32..7).prop_map(|it| it.to_string());
    let order = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let word = || prop::sample::select(vec!["a", "b", "'a b'", "x1"]);
    let text = || prop::sample::select(vec!["header.a", "json.a", "json.b", "body", "word", "json.items[*].id"]);
    prop_oneof![
        (order(), 198_u32..203).prop_map(|(order, it)| format!("status {order} {it}")),
        (prop::sample::select(vec!["running", "desired", "json.a", "json.items count"]), order(), number())
            .prop_map(|(name, order, it)| format!("{name} {order} {it}")),
        order().prop_map(|order| format!("running {order} desired")),
        (order(), number()).prop_map(|(order, it)| format!("latency {order} {it}s")),
        (prop::sample::select(vec!["==", "!="]), prop::sample::select(vec!["OK", "ALARM"]))
            .prop_map(|(order, it)| format!("state {order} {it}")),
        (text(), prop::sample::select(vec!["==", "!=", "contains", "not contains", "matches"]), word())
            .prop_map(|(name, order, it)| format!("{name} {order} {it}")),
        (text(), prop::sample::select(vec!["exists", "not exists"]))
            .prop_map(|(name, order)| format!("{name} {order}")),
        (order(), number(), number()).prop_map(|(order, a, b)| format!("version(json.v) {order} {a}.{b}")),
        (number(), number()).prop_map(|(a, b)| format!("json.a in {a}, {b}")),
    ]
}

/// Chosen values, used to search for assignments that the review calls impossible.
struct ChosenValues(u32, u32, u32);

impl SubjectValues for ChosenValues {
    fn value_of(&self, subject: &str) -> Option<Value> {
        let Self(a, b, c) = *self;
        Some(match subject {
            "status" => Value::Number(f64::from(198 + a % 6)),
            "running" => Value::Number(f64::from(a % 8)),
            "desired" => Value::Number(f64::from(b % 8)),
            "latency" => Value::Duration(Duration::from_millis(u64::from(c) * 500)),
            "state" => Value::Text(["OK", "ALARM", "INSUFFICIENT_DATA"][a as usize % 3].into()),
            _ => Value::Text(["a", "b", "a b", "x1", "ab", "other"][c as usize % 6].into()),
        })
    }

    fn json_at(&self, path: &JsonPath) -> Option<Value> {
        let Self(a, b, c) = *self;
        match (path.to_string().as_str(), c % 5) {
            (".v", _) => Some(Value::Text(format!("{}.{}", a % 8, b % 8))),
            (_, 0) => None,
            (_, 1) => Some(Value::Number(f64::from(b % 8))),
            (path, _) if path.contains('*') => Some(Value::Multiple(vec![self.value_of("body")])),
            (_, 2) => Some(Value::List(vec![Value::Text("a".into()); b as usize % 8])),
            (..) => self.value_of("body"),
        }
    }
}

proptest! {
    /// Every condition of an accepted list can be true and can be false, and all of them can be true together.
    #[test]
    fn what_is_refused_is_true_nowhere(texts in prop::collection::vec(any_condition(), 1..4), worlds in prop::collection::vec((0_u32..60, 0_u32..60, 0_u32..60), 60)) {
        let parsed: Result<Vec<_>, _> = texts.iter().map(|text| Condition::parse(text, SUBJECTS)).collect();
        // `word` is never empty, so `word exists` is refused although these values do not show why.
        let Ok(conditions) = parsed else { return Ok(()) };
        let faults = review(&conditions);
        let somewhere = worlds.iter().any(|(a, b, c)| conditions.iter().all(|it| it.evaluate(&ChosenValues(*a, *b, *c)) == ConditionResult::True));
        let alone = faults.iter().any(|(_, why)| why.contains("always true"));
        prop_assert!(!somewhere || faults.is_empty() || alone, "{texts:?} is refused ({faults:?}) and can be true");
        for (index, condition) in conditions.iter().enumerate() {
            let both = [false, true].map(|wanted| worlds.iter().any(|(a, b, c)| (condition.evaluate(&ChosenValues(*a, *b, *c)) == ConditionResult::True) == wanted));
            let alone = review(std::slice::from_ref(condition));
            prop_assert!(both != [true, true] || alone.is_empty() || condition.uses_subject("json.items"), "{} at {index}: {alone:?}", condition);
        }
    }

    #[test]
    fn a_condition_is_printed_as_it_is_parsed(text in any_condition()) {
        let condition = Condition::parse(&text, SUBJECTS);
        prop_assume!(condition.is_ok());
        let printed = condition.unwrap().to_string();
        prop_assert_eq!(&printed, &text);
        prop_assert_eq!(parse(&printed).to_string(), printed);
    }

    #[test]
    fn any_text_is_a_condition_or_a_fault(text in "[a-z.*0-9 =<>!'\\[\\](),%{}-]{0,40}", word in prop::sample::select(vec!["status", "json", "json.a[*]", "version(json.a)", "header.x", "region", "state"])) {
        let _ = Condition::parse(&text, SUBJECTS).map(|it| review(&[it]));
        let _ = Condition::parse(&format!("{word} {text}"), SUBJECTS).map(|it| review(&[it]));
    }
}
