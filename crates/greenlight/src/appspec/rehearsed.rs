//! An AppSpec file for a rehearsal.

use std::path::Path;

use rehearsal::AppSpec;

use super::{
    WHAT,
    check::{Finding, Known, Level, check},
    file, is_json_name, tree,
};
use crate::{args::rehearsed, source::Source};

/// An AppSpec file, and what was found in it.
pub struct ForRehearsal {
    /// The file.
    pub source: Source,
    /// What was found.
    pub found: Vec<Finding>,
    /// What the rehearsal needs of it; nothing where CodeDeploy would not take it.
    pub file: Option<AppSpec>,
}

/// Reads an AppSpec file for a rehearsal.
///
/// # Errors
/// It cannot be read.
pub fn for_rehearsal(path: &Path) -> anyhow::Result<ForRehearsal> {
    let source = Source::read_as(WHAT, path)?;
    let found = check(&source.text, is_json_name(&source.name), &Known::default());
    let is_refused = found.iter().any(|one| one.level == Level::Refused);
    let file = tree::parse(&source.text).ok().filter(|_| !is_refused).map(|tree| {
        let sections = file::sections(&tree.root, "Hooks");
        let entries = sections.first().map(|(_, hooks)| file::entries(hooks)).unwrap_or_default();
        let hooks = entries.iter().filter_map(|it| Some((rehearsed(it.hook()?), it.function_name().to_owned())));
        let place = file::task_definition(&tree.root).filter(|node| node.style != tree::Style::Alias);
        AppSpec {
            text: source.text.clone(),
            task_definition: place.map(|node| node.span.clone()),
            home: file::home(&tree.root, &entries).map(|(home, _)| home),
            hooks: hooks.collect(),
        }
    });
    Ok(ForRehearsal { source, found, file })
}
