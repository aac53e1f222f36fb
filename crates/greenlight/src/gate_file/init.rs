//! `greenlight init`: writes a gate file to start from.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Args;

use crate::{
    cli::{CommandError, CommandOutcome},
    terminal::{Emphasis, Output},
};

const TEMPLATE: &str = include_str!("init.yaml");

const AFTER_HELP: &str = "\
The file is short and has a comment on each line. It only observes: every deployment continues, and the verdict says
what would have been stopped. To see what it does, run `greenlight explain FILE`.

Exit status:
  0    the file was written
  2    the file exists already, or cannot be written";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct InitOptions {
    /// Where to write the gate file; - prints it
    #[arg(value_name = "FILE", default_value = "greenlight.yaml")]
    file: PathBuf,

    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

pub fn init(args: &InitOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    if args.file == Path::new("-") {
        screen.println(TEMPLATE.trim_end())?;
        return Ok(CommandOutcome::Success);
    }
    write_template(&args.file, args.force).map_err(CommandError::Usage)?;
    let name = args.file.display();
    let done = format!("{} wrote {name}, which only observes", screen.style.apply(Emphasis::Success, "✓"));
    let next = screen.style.apply(Emphasis::Dim, &format!("next: greenlight explain {name}"));
    screen.println(&format!("{done}\n  {next}"))?;
    Ok(CommandOutcome::Success)
}

fn write_template(path: &Path, force: bool) -> anyhow::Result<()> {
    let name = path.display();
    // A separate test for existence would leave a moment in which another program could create the file.
    let opened = if force { File::create(path) } else { File::create_new(path) };
    let mut file = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(anyhow!("{name} exists already; --force overwrites it"));
        }
        opened => opened.with_context(|| format!("cannot write {name}"))?,
    };
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("cannot write {name}"))
}
