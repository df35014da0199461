//! Where the configuration comes from: a file, the environment, options.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use dcs_zk::{Config, ConfigError};

use crate::{cli::ConnectArgs, failure::Failure};

/// Settings that have an option: the key in Patroni's YAML, its variable and the option.
const OPTIONS: [(&str, &str, &str); 5] = [
    ("zookeeper.hosts", "PATRONI_ZOOKEEPER_HOSTS", "-d HOST:PORT"),
    ("namespace", "PATRONI_NAMESPACE", "--namespace"),
    ("scope", "PATRONI_SCOPE", "--scope NAME"),
    ("name", "PATRONI_NAME", "--name"),
    ("citus.group", "PATRONI_CITUS_GROUP", "--group"),
];

/// What was configured. Options are laid over the environment, which goes before the file. Without `Debug`: the file has
/// passwords in it.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    yaml: String,
    file: Option<PathBuf>,
    /// Variable and value.
    options: Vec<(&'static str, String)>,
}

impl Settings {
    /// Reads the file and takes the options.
    pub(crate) fn read(args: &ConnectArgs) -> Result<Self, Failure> {
        let mut settings = match config_file(args.config_file.as_deref()) {
            None => Self::default(),
            Some(file) => Self { yaml: read_file(&file)?, file: Some(file), options: Vec::new() },
        };
        settings.set("PATRONI_ZOOKEEPER_HOSTS", args.dcs.clone());
        settings.set("PATRONI_NAMESPACE", args.namespace.clone());
        settings.set("PATRONI_SCOPE", args.scope.clone());
        Ok(settings)
    }

    /// Lays a value over the variable, if there is one.
    pub(crate) fn set(&mut self, variable: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.options.retain(|(name, _)| *name != variable);
            self.options.push((variable, value));
        }
    }

    /// The configuration.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let lookup = |variable: &str| self.option(variable).or_else(|| env::var(variable).ok());
        Config::from_patroni(&self.yaml, lookup).map_err(|error| Failure::Usage(self.explain(&error)))
    }

    fn option(&self, variable: &str) -> Option<String> {
        self.options.iter().find(|(name, _)| *name == variable).map(|(_, value)| value.clone())
    }

    /// What is wrong, and where to set it right.
    fn explain(&self, error: &ConfigError) -> String {
        let key = error.key();
        let known = OPTIONS.iter().find(|(name, ..)| *name == key);
        let variable = known.map_or_else(
            || format!("PATRONI_{}", key.to_uppercase().replace('.', "_")),
            |(_, variable, _)| (*variable).to_owned(),
        );
        let file = self.file.as_deref().map(Path::display);
        let place = match (known, &file) {
            (Some((_, variable, option)), _) if self.option(variable).is_some() => {
                format!("correct {option}")
            }
            _ if env::var_os(&variable).is_some() => format!("correct {variable} in the environment"),
            (Some((_, variable, option)), Some(file)) => {
                format!("correct {file}, or give {option} or {variable}")
            }
            (None, Some(file)) => format!("correct {file}"),
            (Some((_, variable, option)), None) => {
                format!("give {option}, {variable} or a file with -c")
            }
            (None, None) => "correct the environment".to_owned(),
        };
        format!("{error}; {place}")
    }
}

/// The file to read: the one asked for, or patronictl's own if there is one.
fn config_file(asked_for: Option<&Path>) -> Option<PathBuf> {
    if let Some(file) = asked_for {
        return Some(file.to_owned());
    }
    let not_empty = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    not_empty("PATRONICTL_CONFIG_FILE").or_else(|| {
        let directory = not_empty("XDG_CONFIG_HOME").or_else(|| Some(not_empty("HOME")?.join(".config")))?;
        Some(directory.join("patroni/patronictl.yaml")).filter(|file| file.exists())
    })
}

fn read_file(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| {
        let shown = file.display();
        Failure::Usage(format!(
            "cannot read the configuration file {shown}: {error}; give another one with -c or \
             PATRONICTL_CONFIG_FILE"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(settings: &Settings) -> String {
        match settings.config() {
            Err(Failure::Usage(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_go_before_the_file() {
        let mut settings = Settings { yaml: "scope: a\nzookeeper: {hosts: b}".into(), ..Settings::default() };
        settings.set("PATRONI_SCOPE", Some("c".into()));
        settings.set("PATRONI_NAMESPACE", None);
        settings.set("PATRONI_SCOPE", Some("d".into()));
        assert_eq!(settings.config().unwrap().paths().base(), "/service/d");
    }

    #[test]
    fn mistakes_are_placed() {
        let mut settings = Settings::default();
        settings.set("PATRONI_ZOOKEEPER_HOSTS", Some("a:1".into()));
        let line = message(&settings);
        assert_eq!(line, "scope: is missing; give --scope NAME, PATRONI_SCOPE or a file with -c");
        settings.set("PATRONI_SCOPE", Some("a/b".into()));
        assert!(message(&settings).ends_with("; correct --scope NAME"));
        settings.file = Some("x.yml".into());
        settings.yaml = "scope: a\nttl: soon".into();
        settings.set("PATRONI_SCOPE", Some("a".into()));
        assert_eq!(message(&settings), "ttl: must be a whole number, not \"soon\"; correct x.yml");
    }
}
