//! Reads an AppSpec file for a rehearsal.

use std::path::Path;

use rehearsal::AppSpec;

use super::{
    issue::{Issue, Severity},
    model, tree,
    validate::{ValidationContext, validate},
};
use crate::cli::InputFile;

/// An AppSpec file and the issues in it.
pub struct ForRehearsal {
    pub source: InputFile,
    pub issues: Vec<Issue>,
    /// What the rehearsal needs of the file. `None` if CodeDeploy would reject the file.
    pub file: Option<AppSpec>,
}

/// Reads an AppSpec file for a rehearsal.
///
/// # Errors
/// If the file cannot be read.
pub fn load_for_rehearsal(path: &Path) -> anyhow::Result<ForRehearsal> {
    let source = InputFile::read_app_spec(path)?;
    let found = validate(&source.text, source.is_json(), &ValidationContext::default());
    let is_refused = found.iter().any(|one| one.severity == Severity::Rejected);
    let file = tree::parse(&source.text).ok().filter(|_| !is_refused).map(|tree| {
        let sections = model::sections(&tree.root, "Hooks");
        let entries = sections.first().map(|(_, hooks)| model::entries(hooks)).unwrap_or_default();
        let hooks = entries.iter().filter_map(|it| Some((it.hook()?, it.function_name().to_owned())));
        let task_definition = model::task_definition(&tree.root).filter(|node| node.style != tree::NodeStyle::Alias);
        AppSpec {
            text: source.text.clone(),
            task_definition: task_definition.map(|node| node.span.clone()),
            account_region: model::account_region(&tree.root, &entries).map(|(home, _)| home),
            hooks: hooks.collect(),
        }
    });
    Ok(ForRehearsal { source, issues: found, file })
}
