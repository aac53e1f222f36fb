//! Decides whether the response to a request proves that the new version sent it. Only a value that differs between the
//! versions does: both have a status, and mostly the same fields. An equality with a fact of the new version is proof
//! if the original's fact has another value. Both versions may have the same image tag.

use std::collections::BTreeSet;

use gate::{
    Condition, Fact, VersionFact,
    kinds::{compares_versions, green_facts},
};

use super::{CheckContext, Colour};

/// Why these conditions do not prove which version responds. None if they do.
pub(super) async fn why_unproven(cx: &CheckContext, expect: &[Condition]) -> Option<String> {
    let comparing = expect.iter().filter(|condition| compares_versions(condition));
    let versions: BTreeSet<VersionFact> = comparing.flat_map(green_facts).collect();
    if versions.is_empty() {
        return Some("no condition compares a value in the response with a {{green.…}} fact by `==`".to_owned());
    }
    let pair =
        |version: &VersionFact| [Fact::OfVersion(Colour::Green, *version), Fact::OfVersion(Colour::Blue, *version)];
    let known = cx.resolve_facts(&versions.iter().flat_map(pair).collect()).await;
    let mut reasons = Vec::new();
    for version in &versions {
        let [green, blue] = pair(version);
        match (known.get(&green), known.get(&blue)) {
            (Some(Ok(new)), Some(Ok(old))) if new != old => return None,
            (Some(Ok(new)), Some(Ok(_))) => reasons.push(format!("{{{{{green}}}}} and {{{{{blue}}}}} are both {new}")),
            (Some(Err(unknown)), _) | (_, Some(Err(unknown))) => reasons.push(unknown.message.clone()),
            _ => {}
        }
    }
    Some(reasons.join("; "))
}
