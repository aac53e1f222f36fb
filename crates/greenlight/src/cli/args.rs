//! The command line.

use clap::{Parser, Subcommand, builder::PossibleValuesParser};
use rehearsal::FunctionName;

use crate::{
    appspec::AppSpecOptions,
    describe::DescribeOptions,
    doctor::DoctorOptions,
    dry_run::DryRunOptions,
    gate_file::{CheckGateOptions, ExplainOptions, InitOptions, SchemaKind},
    iam::IamOptions,
    rehearse::RehearseOptions,
};

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Go or no-go for Amazon ECS blue/green deployments with AWS CodeDeploy",
    arg_required_else_help = true
)]
pub struct Greenlight {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a deployment through the five hooks on this machine, without an AWS account
    ///
    /// The hooks are the programs that AWS Lambda runs. Here they are processes on this machine, and the AWS that they
    /// call is simulated. A scenario says what goes wrong.
    Rehearse(RehearseOptions),

    /// Check gate files, and show each mistake with its line
    Check(CheckGateOptions),

    /// Explain in plain words what the hooks do with a gate file, or without one
    Explain(ExplainOptions),

    /// Print the JSON Schema of a gate file, a service or a scenario, for an editor
    ///
    /// Keep it next to the file (`greenlight schema > greenlight.schema.json`), and start the file with this line:
    ///
    ///   # yaml-language-server: $schema=greenlight.schema.json
    #[command(verbatim_doc_comment)]
    Schema {
        /// The kind of file
        #[arg(value_name = "KIND", default_value = "gate-file")]
        kind: SchemaKind,
    },

    /// Write a short gate file to start from
    Init(InitOptions),

    /// Write the hooks into an AppSpec file, or check one
    Appspec(AppSpecOptions),

    /// Print the IAM policy that the hooks' roles need for a gate file, with the reasons
    Iam(IamOptions),

    /// Run a hook's checks on a real deployment with your credentials, and put no status
    DryRun(DryRunOptions),

    /// Run one of the functions, for a rehearsal
    #[command(name = rehearsal::HOOK_FUNCTION, hide = true)]
    HookFunction {
        /// The name of the function's program
        #[arg(value_parser = function_names())]
        program: String,
    },

    /// Describe your service for rehearse --service, from your AWS account
    Describe(DescribeOptions),

    /// Find what usually goes wrong, before a deployment: roles, names, timeouts, the network, the gate file
    Doctor(DoctorOptions),
}

fn function_names() -> PossibleValuesParser {
    PossibleValuesParser::new(FunctionName::all_functions().map(FunctionName::program_name))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Greenlight::command().debug_assert();
    }

    #[test]
    fn help_as_golden_text() {
        let mut command = Greenlight::command();
        command.build();
        let help = command.find_subcommand_mut("rehearse").unwrap().render_long_help().to_string();
        insta::assert_snapshot!(help);
        for name in ["check", "explain", "schema", "init", "appspec", "iam", "dry-run", "describe", "doctor"] {
            let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
            insta::assert_snapshot!(format!("help_of_{name}"), help);
        }
    }
}
