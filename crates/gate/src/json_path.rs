//! The path of a value in a JSON document: `.items[0].id`, `.items[*].id` for every item, `['a key with.dots']`.

use std::fmt;

use serde_json::Value as Json;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonPath(Vec<PathStep>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathStep {
    Key(String),
    Index(usize),
    AllItems,
}

/// The result of looking up a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathMatch<'a> {
    /// The value, if the document has one.
    Single(Option<&'a Json>),
    /// The path has `[*]`: the value for each item.
    Multiple(Vec<Option<&'a Json>>),
    /// `[*]` is applied to a value that is not a list. The text is the name of its type.
    NotAList(&'static str),
}

impl JsonPath {
    /// Parses the text after the word `json`. An empty text is the whole document.
    ///
    /// # Errors
    /// A message that continues a sentence which starts with the path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, after) = if let Some(rest) = rest.strip_prefix('[') {
                parse_bracket(rest)?
            } else {
                parse_key(rest.strip_prefix('.').unwrap_or(rest))?
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    /// Whether it has `[*]`.
    pub fn is_wildcard(&self) -> bool {
        self.0.contains(&PathStep::AllItems)
    }

    /// Looks up the path in a document.
    pub fn lookup<'a>(&self, document: &'a Json) -> PathMatch<'a> {
        let mut found = vec![Some(document)];
        for step in &self.0 {
            found = match step {
                PathStep::Key(key) => found.into_iter().map(|value| value?.as_object()?.get(key)).collect(),
                PathStep::Index(index) => found.into_iter().map(|value| value?.as_array()?.get(*index)).collect(),
                PathStep::AllItems => {
                    let mut items = Vec::new();
                    for value in found {
                        match value {
                            Some(Json::Array(list)) => items.extend(list.iter().map(Some)),
                            // An item without that list has no value there, which is different from an empty list.
                            None | Some(Json::Null) => items.push(None),
                            Some(other) => return PathMatch::NotAList(json_type_name(other)),
                        }
                    }
                    items
                }
            };
        }
        if self.is_wildcard() {
            PathMatch::Multiple(found)
        } else {
            PathMatch::Single(found.into_iter().next().flatten())
        }
    }
}

/// The name of a JSON type, with its article.
pub fn json_type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a map",
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                PathStep::Key(key) if key.contains(['.', '[', ']', ' ', '\'', ')']) || key == "length" => {
                    write!(f, "['{key}']")?;
                }
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::AllItems => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

fn parse_key(text: &str) -> Result<(PathStep, &str), String> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if key.is_empty() {
        return Err("has an empty key".to_owned());
    }
    if key.contains([']', '\'', '"']) {
        return Err(format!("has a key {key:?}; write such a key in brackets and quotation marks: ['a.b']"));
    }
    // After a bracket a key needs its dot. Somebody who writes a JavaScript function or property wants to count items.
    if key.ends_with("()") || key == "length" {
        return Err(format!(
            "has no {key:?}, because a path has no functions: `PATH count >= 1` counts the items of a list or a map, \
             and a key of that name is written ['{}']",
            key.trim_end_matches("()")
        ));
    }
    Ok((PathStep::Key(key.to_owned()), rest))
}

/// Parses the text after an opening bracket.
fn parse_bracket(text: &str) -> Result<(PathStep, &str), String> {
    let open = || "has a bracket that is not closed".to_owned();
    if let Some(quote) = text.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
        let (key, rest) = text[1..].split_once(quote).ok_or_else(open)?;
        return Ok((PathStep::Key(key.to_owned()), rest.strip_prefix(']').ok_or_else(open)?));
    }
    let (inner, rest) = text.split_once(']').ok_or_else(open)?;
    let step = match inner.trim() {
        "*" => PathStep::AllItems,
        digits => PathStep::Index(digits.parse().map_err(|_| {
            format!("has [{inner}]; brackets contain a number from 0, * for every item, or a key in quotation marks")
        })?),
    };
    match rest.chars().next() {
        None | Some('.' | '[') => Ok((step, rest)),
        Some(_) => Err(format!("has {rest:?} after a bracket; write a dot between them")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_a_value() {
        let document = json!({ "items": [{ "id": 7 }, { "id": null }], "a.b": { "length": 3 } });
        let find = |text: &str| match JsonPath::parse(text).unwrap().lookup(&document) {
            PathMatch::Single(value) => value.cloned(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(find(".items[0].id"), Some(json!(7)));
        assert_eq!(find(".items[1].id"), Some(json!(null)));
        assert_eq!(find(".items[2].id"), None);
        assert_eq!(find(".items.id"), None);
        assert_eq!(find("['a.b']['length']"), Some(json!(3)));
        assert_eq!(find(""), Some(document.clone()));
    }

    #[test]
    fn a_star_leads_to_every_item() {
        let document = json!({ "items": [{ "id": 7, "in": [1, 2] }, { "in": [] }], "none": [], "text": "x" });
        let find = |text: &str| match JsonPath::parse(text).unwrap().lookup(&document) {
            PathMatch::Multiple(values) => {
                values.into_iter().map(|value| value.map(Json::to_string)).collect::<Vec<_>>()
            }
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(find(".items[*].id"), [Some("7".to_owned()), None]);
        assert_eq!(find(".items[*].in[*]"), [Some("1".to_owned()), Some("2".to_owned())]);
        assert_eq!(find(".none[*]"), []);
        assert_eq!(find(".missing[*]"), [None]);
        assert_eq!(JsonPath::parse(".text[*]").unwrap().lookup(&document), PathMatch::NotAList("a text"));
    }

    #[test]
    fn a_path_is_printed_as_it_is_parsed() {
        for text in ["", ".a", ".a.b[0][*].c", "[0]", "['a.b'].c", "['length']"] {
            assert_eq!(JsonPath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in [".a.", ".", ".a[", ".a[x]", ".a[-1]", ".a['b]", ".a[0]b", ".items.length", ".items.size()", ".a]"]
        {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }
}
