//! The outputs of a CloudFormation stack, for a command line. The functions have no use for them.

use crate::{aws::Aws, settings::Settings};

/// Names and values of a stack's outputs. Settings are those of this process, with `more` in place of its own: a region,
/// the credentials.
///
/// # Errors
/// Why AWS did not tell, in words.
pub async fn outputs(
    stack: &str,
    more: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<Vec<(String, String)>, String> {
    let settings = Settings::of_process_but(more);
    Aws::new(&settings.aws).stack_outputs(stack).await.map_err(|fault| fault.to_string())
}
