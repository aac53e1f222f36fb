//! Text with facts: `{{test_url}}/version`, `Bearer {{secret.token}}`.
//!
//! The facts of a template are known when the file is read; their values are known only when the check runs. A fact
//! without a value is an error, and never an empty text: a comparison with an empty text could pass a deployment.

use std::{collections::BTreeMap, fmt};

use lifecycle::TrafficRoute;

use super::{Fact, Message, Scope};
use crate::reason_code::ReasonCode;

/// Provides the values of facts when a check runs.
pub trait FactResolver {
    /// The value of the fact as text.
    ///
    /// # Errors
    /// The fact has no value, with the reason: the image has no tag, the variable is not set.
    fn resolve(&self, fact: &Fact) -> Result<String, UnresolvedFact>;
}

/// Facts that were resolved before: those of a check's templates, so that each AWS request is sent once.
impl FactResolver for BTreeMap<Fact, Result<String, UnresolvedFact>> {
    fn resolve(&self, fact: &Fact) -> Result<String, UnresolvedFact> {
        self.get(fact).cloned().unwrap_or_else(|| Err(UnresolvedFact::new(fact, "it was not resolved for this check")))
    }
}

/// A fact without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnresolvedFact {
    pub code: ReasonCode,
    /// The fact and the reason: `{{green.image_tag}} is not known: the image is pinned by digest`.
    pub message: String,
    /// What to do, if the hint of the code does not fit.
    pub hint: Option<&'static str>,
}

impl UnresolvedFact {
    /// A fact that this deployment does not have.
    pub fn new(fact: &Fact, why: impl fmt::Display) -> Self {
        Self { code: ReasonCode::FactUnknown, message: format!("{{{{{fact}}}}} is not known: {why}"), hint: None }
    }
}

/// Text with facts.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    parts: Vec<TemplateSegment>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum TemplateSegment {
    Text(String),
    Fact(Fact),
}

/// The template as the file has it. It never contains the value of a fact.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}

impl Template {
    /// Text without facts, whatever it contains.
    pub fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), parts: vec![TemplateSegment::Text(text.to_owned())] }
    }

    /// Parses text with `{{fact}}` in it. A single `}}` is text, because a JSON body can end with it.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Message> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (word, after) = after
                .split_once("}}")
                .filter(|(word, _)| !word.contains("{{"))
                .ok_or_else(|| Message::from("an opening {{ has no closing }}"))?;
            if !before.is_empty() {
                parts.push(TemplateSegment::Text(before.to_owned()));
            }
            parts.push(TemplateSegment::Fact(Fact::parse(word.trim(), scope)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(TemplateSegment::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The facts that it needs.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.parts.iter().filter_map(|part| match part {
            TemplateSegment::Fact(fact) => Some(fact),
            TemplateSegment::Text(_) => None,
        })
    }

    /// Splits off the listener URL at its start: `{{test_url}}/version` is the test listener and `/version`.
    pub fn split_listener_url(&self) -> Option<(TrafficRoute, Self)> {
        match self.parts.split_first()? {
            (TemplateSegment::Fact(Fact::Url(route)), rest) => Some((*route, Self::from_segments(rest))),
            _ => None,
        }
    }

    /// Splits off its first word, if it has one: `POST {{test_url}}/orders`. White space before and after the word is
    /// dropped.
    pub fn split_first_word(&self) -> Option<(&str, Self)> {
        let (TemplateSegment::Text(text), rest) = self.parts.split_first()? else { return None };
        let (word, after) = text.trim_start().split_once(' ')?;
        let after = after.trim_start();
        let mut parts = Vec::new();
        if !after.is_empty() {
            parts.push(TemplateSegment::Text(after.to_owned()));
        }
        parts.extend_from_slice(rest);
        Some((word, Self::from_segments(&parts)))
    }

    fn from_segments(parts: &[TemplateSegment]) -> Self {
        let text = parts.iter().map(|part| match part {
            TemplateSegment::Text(text) => text.clone(),
            TemplateSegment::Fact(fact) => format!("{{{{{fact}}}}}"),
        });
        Self { text: text.collect(), parts: parts.to_vec() }
    }

    /// Replaces the facts with their values.
    ///
    /// # Errors
    /// The value of a fact is not known.
    pub fn render(&self, known: &dyn FactResolver) -> Result<Rendered, UnresolvedFact> {
        self.render_escaped(known, |value| value)
    }

    /// Like [`Self::render`], with each value passed through `write`, for example to escape it for a regular
    /// expression.
    pub(super) fn render_escaped(
        &self,
        known: &dyn FactResolver,
        write: impl Fn(String) -> String,
    ) -> Result<Rendered, UnresolvedFact> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                TemplateSegment::Text(plain) => text += plain,
                TemplateSegment::Fact(fact) => text += &write(known.resolve(fact)?),
            }
        }
        let secret = self.facts().any(Fact::is_secret);
        Ok(Rendered { shown: if secret { self.text.clone() } else { text.clone() }, text })
    }
}

/// Text with the values of facts, which may be secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rendered {
    text: String,
    shown: String,
}

impl Rendered {
    /// The text itself, to send or compare. It must never be logged.
    pub fn expose_secret(&self) -> &str {
        &self.text
    }
}

/// What a log may show: the template instead of a secret.
impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendered({:?})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VersionFact;
    use lifecycle::Colour;

    fn scope() -> Scope {
        Scope { secrets: vec!["api_token".into()], ..Scope::default() }
    }

    fn parse(text: &str) -> Result<Template, Message> {
        Template::parse(text, &scope())
    }

    struct SampleFacts;

    impl FactResolver for SampleFacts {
        fn resolve(&self, fact: &Fact) -> Result<String, UnresolvedFact> {
            match fact {
                Fact::Url(TrafficRoute::Test) => Ok("http://alb:9000".into()),
                Fact::OfVersion(Colour::Green, VersionFact::Revision) => Ok("42".into()),
                Fact::Secret(_) => Ok("sesame".into()),
                Fact::OfVersion(_, VersionFact::ImageTag) => {
                    Err(UnresolvedFact::new(fact, "the image is pinned by digest"))
                }
                other => Ok(other.to_string()),
            }
        }
    }

    #[test]
    fn every_fact_has_a_word_and_every_word_a_fact() {
        let words = Fact::names().into_iter().chain(["env.STAGE", "secret.api_token"].map(str::to_owned));
        for word in words {
            let template = parse(&format!("a {{{{ {word} }}}} z")).unwrap();
            assert_eq!(template.facts().map(Fact::to_string).collect::<Vec<_>>(), [word]);
        }
    }

    #[test]
    fn a_template_is_its_text_with_the_values_of_its_facts() {
        let render =
            |text: &str| parse(text).unwrap().render(&SampleFacts).map(|rendered| rendered.expose_secret().to_owned());
        assert_eq!(render("{{test_url}}/v/{{green.revision}}?x={y}").unwrap(), "http://alb:9000/v/42?x={y}");
        assert_eq!(render(r#"{"a":{"b":1}}"#).unwrap(), r#"{"a":{"b":1}}"#);
        let why = render("{{green.image_tag}}").unwrap_err().message;
        assert_eq!(why, "{{green.image_tag}} is not known: the image is pinned by digest");
    }

    #[test]
    fn what_has_a_secret_in_it_is_never_shown() {
        let rendered = parse("Bearer {{secret.api_token}}").unwrap().render(&SampleFacts).unwrap();
        assert_eq!(rendered.expose_secret(), "Bearer sesame");
        assert!(!format!("{rendered} {rendered:?}").contains("sesame"));
    }

    #[test]
    fn an_address_and_a_method_can_be_taken_off() {
        let (method, url) = parse("POST  {{test_url}}/orders/{{region}}")
            .unwrap()
            .split_first_word()
            .map(|(word, rest)| (word.to_owned(), rest))
            .unwrap();
        assert_eq!((method.as_str(), url.to_string().as_str()), ("POST", "{{test_url}}/orders/{{region}}"));
        let (route, path) = url.split_listener_url().unwrap();
        assert_eq!((route, path.to_string().as_str()), (TrafficRoute::Test, "/orders/{{region}}"));
        assert!(parse("{{test_url}}/x y").unwrap().split_first_word().is_none());
    }

    #[test]
    fn faults_are_told_with_a_suggestion() {
        let texts = [
            "{{test_ulr}}/x",
            "{{green.image_tga}}",
            "{{gren.revision}}",
            "{{purple}}",
            "{{}}",
            "{{test_url",
            "{{test_url {{region}}",
            "{{env.AWS_SECRET_ACCESS_KEY}}",
            "{{env.}}",
            "{{secret.api_tokn}}",
            "{{secret.other}}",
        ];
        insta::assert_snapshot!(texts.map(|text| format!("{text:<30} → {}", parse(text).unwrap_err())).join("\n"));
    }
}
