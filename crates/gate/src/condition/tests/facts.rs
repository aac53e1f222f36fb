//! Conditions that compare with facts of the deployment.

use super::*;

/// Binds sample facts: the tag of an image, a variable, a secret.
fn bound(text: &str) -> Result<Condition, String> {
    let scope = Scope { secrets: vec!["token".into()], ..Scope::default() };
    let condition = Condition::parse_in(text, SUBJECTS, &scope).unwrap();
    struct FixedFacts;
    impl FactResolver for FixedFacts {
        fn resolve(&self, fact: &Fact) -> Result<String, UnresolvedFact> {
            match fact.to_string().as_str() {
                "service" => Ok("/api/orders/7".into()),
                "green.revision" => Ok("204".into()),
                "env.SLOW" => Ok("1s".into()),
                "env.DOT" => Ok("a.b".into()),
                "env.WORDS" => Ok("<true>".into()),
                "env.BUILD" => Ok("20261101123045123".into()),
                "env.NEXT" => Ok("20261101123045124".into()),
                "env.POINT" => Ok("1.1".into()),
                "env.HUNDREDTH" => Ok("1.10".into()),
                "secret.token" => Ok("sesame".into()),
                _ => Err(UnresolvedFact::new(fact, "the image is pinned by digest")),
            }
        }
    }
    condition.bind(&FixedFacts).map_err(|unknown| unknown.message)
}

#[test]
fn a_fact_is_compared_as_what_it_is_compared_with() {
    for text in [
        "header.location == {{service}}",
        "header.location == '{{service}}'",
        "header.location in /x, {{ service }}",
        "header.location matches '^{{service}}$'",
        "status == {{green.revision}}",
        "latency < {{env.SLOW}}",
        "header.location != {{secret.token}}",
        "json.build == {{env.NEXT}}",
        "json.build != {{env.BUILD}}",
        "running != {{green.revision}}",
        "json.text == {{env.POINT}}",
        "json.text != {{env.HUNDREDTH}}",
        "json.number <= {{env.HUNDREDTH}}",
        "version(json.version) == {{env.HUNDREDTH}}",
        "version(json.version) > {{env.POINT}}",
        "json.tags not contains {{env.POINT}}",
    ] {
        assert_eq!(bound(text).unwrap().evaluate(&SampleValues), ConditionResult::True, "{text}");
    }
    // The value of a fact is escaped in a pattern, so a dot matches only a dot. A fact in quotation marks is a text,
    // which never equals a number.
    for text in [
        "header.location matches {{env.DOT}}",
        "word matches '^{{env.WORDS}}$'",
        "status == '{{green.revision}}'",
        "status == {{service}}",
        "json.build == {{env.BUILD}}",
        "json.text == {{env.HUNDREDTH}}",
        "json.number == {{env.HUNDREDTH}}",
        // The JSON number may have been written as 1.10.
        "json.number == {{env.POINT}}",
    ] {
        assert!(is_false(&bound(text).unwrap().evaluate(&SampleValues)), "{text}");
    }
    for text in ["version(json.version) == {{service}}", "json.number > {{service}}", "latency < {{env.POINT}}"] {
        let held = bound(text).unwrap().evaluate(&SampleValues);
        assert!(
            matches!(held, ConditionResult::NotTrue(failures) if matches!(failures[..], [Failure::Undecided { .. }])),
            "{text}"
        );
    }
}

#[test]
fn a_fact_is_told_with_its_condition_unless_it_is_a_secret() {
    let shown = |text| bound(text).unwrap().to_string();
    assert_eq!(shown("header.x == {{service}}"), "header.x == {{service}} (/api/orders/7)");
    assert_eq!(shown("header.x == {{secret.token}}"), "header.x == {{secret.token}}");
}

#[test]
fn a_fact_that_is_not_known_is_an_error_and_never_false() {
    let why = bound("header.location != {{green.image_tag}}").unwrap_err();
    assert_eq!(why, "{{green.image_tag}} is not known: the image is pinned by digest");
    let unrendered = evaluated("header.location != {{service}}");
    assert!(
        matches!(unrendered, ConditionResult::NotTrue(failures) if matches!(failures[..], [Failure::Missing { .. }]))
    );
}
