//! Text with facts in it: `{{test_url}}/version`, `Bearer {{secret.token}}`.
//!
//! What a template names is known when the file is read; what it says, only when the check runs. A fact that is not known
//! then is an error in words, and never an empty text: a comparison with nothing could open a gate.

use std::{collections::BTreeMap, fmt};

use super::{Fact, Scope};
use crate::{check::Route, code::Code, finding::Observation};

/// Where the value of a fact is found, when a check runs.
pub trait Known {
    /// The fact as text.
    ///
    /// # Errors
    /// It is not known, in words: the image has no tag, the variable is not set.
    fn known(&self, fact: &Fact) -> Result<String, Unknown>;
}

/// Facts that were found out before: those of a check's templates, so that what needs AWS is asked once.
impl Known for BTreeMap<Fact, Result<String, Unknown>> {
    fn known(&self, fact: &Fact) -> Result<String, Unknown> {
        self.get(fact).cloned().unwrap_or_else(|| Err(Unknown::of(fact, "nobody looked it up")))
    }
}

/// A fact that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Which fault.
    pub code: Code,
    /// What is not known and why: `{{green.image_tag}} is not known: the image is pinned by digest`.
    pub why: String,
}

impl Unknown {
    /// Because of the deployment: there is no such thing.
    pub fn of(fact: &Fact, why: impl fmt::Display) -> Self {
        Self { code: Code::FactUnknown, why: format!("{{{{{fact}}}}} is not known: {why}") }
    }

    /// As what a check has to say: it could not be checked.
    pub fn observed(self, resource: impl Into<String>) -> Observation {
        Observation::errored(self.code, resource, self.why)
    }
}

/// Text with facts in it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Fact(Fact),
}

/// As it stands in the file, which never has a value in it.
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
    /// Reads text with `{{fact}}` in it. A `}}` alone is text, as a JSON body may end so.
    ///
    /// # Errors
    /// A sentence for the gate file's author.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (word, after) = after
                .split_once("}}")
                .filter(|(word, _)| !word.contains("{{"))
                .ok_or_else(|| "an opening {{ has no closing }}".to_owned())?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Fact(Fact::parse(word.trim(), scope)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The facts that it needs.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fact(fact) => Some(fact),
            Part::Text(_) => None,
        })
    }

    /// The address that it begins with, and what follows: `{{test_url}}/version` is the test listener and `/version`.
    pub fn on(&self) -> Option<(Route, Self)> {
        match self.parts.split_first()? {
            (Part::Fact(Fact::Url(route)), rest) => Some((*route, Self::of(rest))),
            _ => None,
        }
    }

    /// Without the white space at its ends, and what follows its first word if there is one: `POST {{test_url}}/orders`.
    pub fn first_word(&self) -> Option<(&str, Self)> {
        let (Part::Text(text), rest) = self.parts.split_first()? else { return None };
        let (word, after) = text.trim_start().split_once(' ')?;
        let after = after.trim_start();
        let mut parts = Vec::new();
        if !after.is_empty() {
            parts.push(Part::Text(after.to_owned()));
        }
        parts.extend_from_slice(rest);
        Some((word, Self::of(&parts)))
    }

    fn of(parts: &[Part]) -> Self {
        let text = parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Fact(fact) => format!("{{{{{fact}}}}}"),
        });
        Self { text: text.collect(), parts: parts.to_vec() }
    }

    /// Its text with the values of its facts.
    ///
    /// # Errors
    /// One of them is not known.
    pub fn render(&self, known: &dyn Known) -> Result<Rendered, Unknown> {
        self.render_as(known, |value| value)
    }

    /// The same, with each value as `write` writes it: escaped, for a regular expression.
    pub(super) fn render_as(&self, known: &dyn Known, write: impl Fn(String) -> String) -> Result<Rendered, Unknown> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text += plain,
                Part::Fact(fact) => text += &write(known.known(fact)?),
            }
        }
        let secret = self.facts().any(Fact::is_secret);
        Ok(Rendered { shown: if secret { self.text.clone() } else { text.clone() }, text })
    }
}

/// Text with values, which may be secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rendered {
    text: String,
    shown: String,
}

impl Rendered {
    /// The text itself, to be sent or compared, never to be told.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// What a log may show: the template in place of a secret.
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
    use crate::{check::Colour, gate::Version};

    fn scope() -> Scope {
        Scope { secrets: vec!["api_token".into()], captures: vec!["order".into()], ..Scope::default() }
    }

    fn parse(text: &str) -> Result<Template, String> {
        Template::parse(text, &scope())
    }

    struct World;

    impl Known for World {
        fn known(&self, fact: &Fact) -> Result<String, Unknown> {
            match fact {
                Fact::Url(Route::Test) => Ok("http://alb:9000".into()),
                Fact::Of(Colour::Green, Version::Revision) => Ok("42".into()),
                Fact::Secret(_) => Ok("sesame".into()),
                Fact::Of(_, Version::ImageTag) => Err(Unknown::of(fact, "the image is pinned by digest")),
                other => Ok(other.to_string()),
            }
        }
    }

    #[test]
    fn every_fact_has_a_word_and_every_word_a_fact() {
        let words = Fact::words().into_iter().chain(["env.STAGE", "secret.api_token", "order"].map(str::to_owned));
        for word in words {
            let template = parse(&format!("a {{{{ {word} }}}} z")).unwrap();
            assert_eq!(template.facts().map(Fact::to_string).collect::<Vec<_>>(), [word]);
        }
    }

    #[test]
    fn a_template_is_its_text_with_the_values_of_its_facts() {
        let render = |text: &str| parse(text).unwrap().render(&World).map(|rendered| rendered.reveal().to_owned());
        assert_eq!(render("{{test_url}}/v/{{green.revision}}?x={y}").unwrap(), "http://alb:9000/v/42?x={y}");
        assert_eq!(render(r#"{"a":{"b":1}}"#).unwrap(), r#"{"a":{"b":1}}"#);
        let why = render("{{green.image_tag}}").unwrap_err().why;
        assert_eq!(why, "{{green.image_tag}} is not known: the image is pinned by digest");
    }

    #[test]
    fn what_has_a_secret_in_it_is_never_shown() {
        let rendered = parse("Bearer {{secret.api_token}}").unwrap().render(&World).unwrap();
        assert_eq!(rendered.reveal(), "Bearer sesame");
        assert!(!format!("{rendered} {rendered:?}").contains("sesame"));
    }

    #[test]
    fn an_address_and_a_method_can_be_taken_off() {
        let (method, url) = parse("POST  {{test_url}}/orders/{{order}}")
            .unwrap()
            .first_word()
            .map(|(word, rest)| (word.to_owned(), rest))
            .unwrap();
        assert_eq!((method.as_str(), url.to_string().as_str()), ("POST", "{{test_url}}/orders/{{order}}"));
        let (route, path) = url.on().unwrap();
        assert_eq!((route, path.to_string().as_str()), (Route::Test, "/orders/{{order}}"));
        assert!(parse("{{test_url}}/x y").unwrap().first_word().is_none());
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
            "{{orders}}",
        ];
        insta::assert_snapshot!(texts.map(|text| format!("{text:<30} → {}", parse(text).unwrap_err())).join("\n"));
    }
}
