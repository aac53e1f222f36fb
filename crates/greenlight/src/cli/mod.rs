//! What every command has: arguments, input files, credentials, exit statuses and signals.

pub mod args;
pub mod aws_credentials;
pub mod aws_xml;
mod exit;
mod hook_name;
mod input_file;
pub mod signals;
pub mod suggest;

pub use self::{
    exit::{CommandError, CommandOutcome, exit_code},
    hook_name::parse_hook,
    input_file::InputFile,
};
