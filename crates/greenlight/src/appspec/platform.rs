//! Detects AppSpec files for other compute platforms than Amazon ECS.

use hook_core::gate_file::Diagnostic;

use super::{
    model,
    tree::{self, SpannedNode},
};

/// The message for a key that only AppSpec files for EC2 have.
pub fn ec2_key_message(key: &str) -> Option<String> {
    let is_of_ec2 = ["os", "files", "permissions", "file_exists_behavior"].contains(&key);
    is_of_ec2.then(|| format!("`{key}` belongs to deployments on EC2; these hooks are for Amazon ECS"))
}

/// The diagnostic for a file for another platform, where the five hooks do not belong.
pub fn other_platform(text: &str, root: &SpannedNode) -> Option<Diagnostic> {
    let fault = |at: &SpannedNode, message: String| Diagnostic::new(tree::position(text, at.span.start), message);
    let of_ec2 = root.entries().iter().find_map(|(key, _)| Some(fault(key, ec2_key_message(key.text()?)?)));
    of_ec2.or_else(|| {
        let kinds = model::resources(root).filter_map(|resource| resource.get("Type"));
        let mut others = kinds.filter(|kind| kind.text() == Some("AWS::Lambda::Function"));
        let message = "this file deploys a Lambda function; these hooks are for Amazon ECS";
        others.next().map(|kind| fault(kind, message.to_owned()))
    })
}
