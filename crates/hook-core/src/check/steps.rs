//! `steps:`: requests one after the other, each with what an earlier one captured. Read and validated, and refused: this
//! version cannot make them.

use std::sync::Arc;

use super::{Check, Kind, http};
use crate::gate::{Fact, Fields, JsonPath, is_name};

pub const KIND: Kind = Kind { key: "steps", read };

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let steps = fields.items("steps", "a step", step);
    fields.reading().forget_captures();
    if steps.is_empty() && fields.has("steps") {
        fields.fault(fields.place_of("steps"), "`steps` has no step");
    }
    fields.not_supported(KIND.key);
    None
}

fn step(fields: &mut Fields<'_>) {
    let _ = fields.text("name");
    // Tidying up, whatever happened before.
    let _ = fields.flag("always");
    if fields.has("http") {
        let _ = (http::KIND.read)(fields);
    } else {
        fields.fault(fields.at(), "a step is a request; give it `http`");
    }
    // What is captured here is known to the steps that follow, not to this one.
    for (name, (at, what)) in fields.names("capture") {
        let word = &name.name;
        if !is_name(word) || Fact::words().iter().any(|known| known == word) {
            fields.fault(name.at, format!("{word:?} cannot be the name of what is captured"));
        }
        if let Err(why) = captured(&what) {
            fields.fault(at, why);
        }
        fields.reading().capture(word);
    }
}

/// Whether a step can capture this: one value of its reply.
fn captured(what: &str) -> Result<(), String> {
    let form = || format!("what is captured is json.PATH or header.NAME, not {what:?}");
    if what.strip_prefix("header.").is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    let path = what.strip_prefix("json").filter(|path| path.starts_with(['.', '['])).ok_or_else(form)?;
    match JsonPath::parse(path) {
        Ok(path) if path.is_every() => {
            Err(format!("`{what}` is several values, and one is captured; write the number of an item"))
        }
        Ok(_) => Ok(()),
        Err(why) => Err(format!("`{what}` {why}")),
    }
}
