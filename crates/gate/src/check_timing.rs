//! Checks that a hook runs too early, as far as their kind shows it. `timing` does the same for the facts in their texts.

use lifecycle::{Colour, Hook};

use crate::{
    kinds::KindSpec,
    timing::{no_green_reason, why_route_too_early},
};

/// Why a check of this kind cannot pass at this hook.
pub(super) fn why_check_too_early(kind: &dyn KindSpec, hook: Hook) -> Option<String> {
    if kind.colour() == Some(Colour::Green) && !hook.has_replacement() {
        return Some(format!("`{}: green` cannot be checked here: {}", kind.key(), no_green_reason(hook)));
    }
    let route = kind.listener()?;
    // Such a check has no URL.
    let instead = if kind.is_barrier() { "write `listener: test`" } else { "write `health_check: test`" };
    why_route_too_early(route, hook, instead)
        .map(|why| format!("`{}` on the {} listener cannot pass here: {why}", kind.key(), route.as_str()))
}
