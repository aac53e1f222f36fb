//! `steps:`: requests one after the other, each with what an earlier one captured. Read and validated, and refused: this
//! version cannot make them.

use std::sync::Arc;

use super::{Check, CheckKind, http};
use crate::gate::{Fact, JsonPath, MapReader, is_name};

pub const KIND: CheckKind = CheckKind { key: "steps", read };

fn read(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>> {
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
    // Tidying up, whatever happened before.
    let _ = fields.bool("always");
    if fields.has("http") {
        let _ = (http::KIND.read)(fields);
    } else {
        fields.error(fields.at(), "a step is a request; give it `http`");
    }
    // What is captured here is known to the steps that follow, not to this one.
    for (name, (at, what)) in fields.string_map("capture") {
        let word = &name.name;
        if !is_name(word) || Fact::names().iter().any(|known| known == word) {
            fields.error(name.at, format!("{word:?} cannot be the name of what is captured"));
        }
        if let Err(why) = validate_capture(&what) {
            fields.error(at, why);
        }
        fields.context().capture(word);
    }
}

/// Whether a step can capture this: one value of its reply.
fn validate_capture(what: &str) -> Result<(), String> {
    let form = || format!("what is captured is json.PATH or header.NAME, not {what:?}");
    if what.strip_prefix("header.").is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    let path = what.strip_prefix("json").filter(|path| path.starts_with(['.', '['])).ok_or_else(form)?;
    match JsonPath::parse(path) {
        Ok(path) if path.is_wildcard() => {
            Err(format!("`{what}` is several values, and one is captured; write the number of an item"))
        }
        Ok(_) => Ok(()),
        Err(why) => Err(format!("`{what}` {why}")),
    }
}
