//! Reads an AppSpec file for a rehearsal.

use std::path::Path;

use rehearsal::{AppSpec, FunctionRef};

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

/// Reads an AppSpec file for a rehearsal. `allows_any_function` means that functions which are not ours are the user's
/// own, and no issue.
///
/// # Errors
/// If the file cannot be read.
pub fn load_for_rehearsal(path: &Path, allows_any_function: bool) -> anyhow::Result<ForRehearsal> {
    let source = InputFile::read_app_spec(path)?;
    let own_functions = if allows_any_function { foreign_functions(&source.text) } else { Vec::new() };
    let context = ValidationContext { own_functions, ..ValidationContext::default() };
    let found = validate(&source.text, source.is_json(), &context);
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

/// The names of the functions in an AppSpec file that are not ours.
fn foreign_functions(text: &str) -> Vec<String> {
    let Ok(tree) = tree::parse(text) else { return Vec::new() };
    let sections = model::sections(&tree.root, "Hooks");
    let entries = sections.first().map(|(_, hooks)| model::entries(hooks)).unwrap_or_default();
    let functions = entries.iter().filter_map(|entry| entry.function_name().parse::<FunctionRef>().ok());
    functions.filter(|function| function.function().is_none()).map(|function| function.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_the_user_is_an_issue_only_where_our_programs_play_every_function() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("appspec.yaml");
        let text = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        \
                    TaskDefinition: arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:1\n        LoadBalancerInfo: { \
                    ContainerName: web, ContainerPort: 8080 }\nHooks:\n  - AfterInstall: shop-smoke\n";
        std::fs::write(&path, text).unwrap();
        let issues = |allows| load_for_rehearsal(&path, allows).unwrap().issues;
        let about =
            |issues: Vec<Issue>| issues.iter().filter(|issue| issue.diagnostic.message.contains("shop-smoke")).count();
        assert_eq!((about(issues(false)), about(issues(true))), (1, 0));
    }
}
