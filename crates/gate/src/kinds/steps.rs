//! `steps:`: a sequence of requests, each with what an earlier one captured. They are parsed and validated, but
//! rejected: this version cannot send them.

use super::{Kind, KindReader, http};
use crate::{Fact, JsonPath, MapReader, is_name};

pub(super) const KIND: KindReader = KindReader { key: "steps", read };

fn read(fields: &mut MapReader<'_>) -> Option<Kind> {
    let steps = fields.items("steps", "a step", read_step);
    fields.context().clear_captures();
    if steps.is_empty() && fields.has("steps") {
        fields.error(fields.position_of("steps"), "`steps` has no step");
    }
    fields.error_not_supported(KIND.key);
    None
}

fn read_step(fields: &mut MapReader<'_>) {
    let _ = fields.string("name");
    // A step for cleaning up, which always runs.
    let _ = fields.bool("always");
    if fields.has("http") {
        let _ = http::read_request(fields);
    } else {
        fields.error(fields.at(), "a step must be a request; give it `http`");
    }
    // Later steps can use what this step captures, but this step cannot.
    for (name, (at, what)) in fields.string_map("capture") {
        let word = &name.name;
        if !is_name(word) || Fact::names().iter().any(|known| known == word) {
            fields.error(name.at, format!("{word:?} cannot be the name of a captured value"));
        }
        if let Err(why) = validate_capture(&what) {
            fields.error(at, why);
        }
        fields.context().capture(word);
    }
}

/// Checks that a step can capture this: one value of its response.
fn validate_capture(what: &str) -> Result<(), String> {
    let form = || format!("a captured value is json.PATH or header.NAME, not {what:?}");
    if what.strip_prefix("header.").is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    let path = what.strip_prefix("json").filter(|path| path.starts_with(['.', '['])).ok_or_else(form)?;
    match JsonPath::parse(path) {
        Ok(path) if path.is_wildcard() => {
            Err(format!("`{what}` is several values, but a step captures one; write the number of an item"))
        }
        Ok(_) => Ok(()),
        Err(why) => Err(format!("`{what}` {why}")),
    }
}
