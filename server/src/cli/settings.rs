//! The server's settings as flags: one a row of [`SETTINGS`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, FromArgMatches};

use crate::config::{self, Config, ConfigError, Effective, SETTINGS};

/// Flags given on the command line.
pub(super) struct Settings {
    flags: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

impl Settings {
    /// The effective settings; see [`config::resolve`].
    pub(super) fn resolve(&self) -> Result<(Config, Vec<Effective>), ConfigError> {
        let variable = |name: &str| std::env::var(name).ok();
        let path = self.file.clone().or_else(|| variable("SALLY_CONFIG").map(PathBuf::from));
        let file = path.map(|path| config::read_file(&path)).transpose()?.unwrap_or_default();
        config::resolve(&self.flags, variable, &file)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting.key.to_owned(), matches.get_one::<String>(setting.key)?.clone())))
            .collect();
        Ok(Self { flags, file: matches.get_one::<PathBuf>("config_file").cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config_file")
            .long("config-file")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .global(true)
            .help("TOML file with settings [env: SALLY_CONFIG]");
        SETTINGS.iter().fold(command.arg(file), |command, setting| {
            let default = match setting.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            command.arg(
                Arg::new(setting.key)
                    .long(setting.flag())
                    .value_name("VALUE")
                    .global(true)
                    .help_heading("Settings")
                    .help(format!("{} [env: {}]{default}", setting.help, setting.variable())),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        crate::cli::Cli::command().debug_assert();
    }
}
