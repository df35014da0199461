//! The command line.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, error::ErrorKind};
use clap_complete::Shell;

use crate::{failure::Failure, output};

/// The longest time that an option takes, in seconds: a day.
const MAX_SECONDS: f64 = 86_400.0;

const ABOUT: &str = "Looks at Patroni clusters on ZooKeeper, and plays a member of one";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not do it (no server answers, no such scope), 2 wrong usage or configuration.

Configuration: -c FILE, or the file that PATRONICTL_CONFIG_FILE names, or patroni/patronictl.yaml in
XDG_CONFIG_HOME or ~/.config if it is there; PATRONI_* variables go before the file, options before both.";

const JSON_HELP: &str = "\
JSON: an object with
  scope, path       the cluster's name and the znode it is kept in
  group             the Citus group, or null; in a Citus cluster `workers` has the other groups by number
  members           as patronictl and Patroni's /cluster give them; also pause and scheduled_switchover
  initialize, leader, config, sync, failover, history, status, failsafe
                    what is stored, as it was understood; versions are those of the znodes
`watch` puts time in front, and gives {\"time\":…,\"error\":…} while ZooKeeper does not answer.";

const AGENT_ABOUT: &str = "Joins a cluster, contends for the leader key and says what it believes and why";

const AGENT_LONG: &str = "\
Joins a cluster, contends for the leader key and says what it believes and why.

It plays with the keys in ZooKeeper only: there is no PostgreSQL behind it. Its WAL position is made up. Other members
take it for one of them, though: NEVER run it on a scope that a real Patroni uses, unless you mean to take the leader key
away from PostgreSQL. Each agent of a scope needs a name of its own.

It leads for as long as its lease lasts and no longer: when the lease ends without being renewed, it says so at once, even
if an operation hangs. Ctrl-C and SIGTERM release the leader key, so that another agent can take over without waiting.";

#[derive(Debug, Parser)]
#[command(name = "dcsctl", version, about = ABOUT, after_help = EXIT_CODES, max_term_width = 120)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Log to standard error; -vv and -vvv say more, and RUST_LOG is heeded
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Do not log at all
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows a cluster as `patronictl list` does, or everything that is stored as JSON. Changes nothing
    #[command(after_help = JSON_HELP)]
    List(ListArgs),
    /// Shows a cluster whenever it changes, until Ctrl-C. Changes nothing
    #[command(after_help = JSON_HELP)]
    Watch(WatchArgs),
    #[command(about = AGENT_ABOUT, long_about = AGENT_LONG)]
    Agent(AgentArgs),
    /// Prints the completion script of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Where ZooKeeper is and what to look at there.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectArgs {
    /// The servers of ZooKeeper; the port is 2181 unless given
    #[arg(short, long, value_name = "HOST:PORT,…")]
    pub(crate) dcs: Option<String>,
    /// The namespace, `service` unless configured
    #[arg(long)]
    pub(crate) namespace: Option<String>,
    /// The name of the cluster
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// A configuration file of Patroni or patronictl
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
}

/// What `list` and `watch` have in common.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The name of the cluster, as --scope
    #[arg(value_name = "SCOPE", conflicts_with = "scope")]
    pub(crate) scope_name: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// One group of a Citus cluster instead of all
    #[arg(long, value_name = "N")]
    pub(crate) group: Option<u32>,
    /// How long to try to reach ZooKeeper
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Show the columns for restarts and tags even when they are empty
    #[arg(short, long)]
    pub(crate) extended: bool,
    /// Print JSON with everything that is stored
    #[arg(long)]
    pub(crate) json: bool,
}

impl ReadArgs {
    /// The connection options, with the scope in one place.
    pub(crate) fn connect(&self) -> ConnectArgs {
        let scope = self.scope_name.clone().or_else(|| self.connect.scope.clone());
        ConnectArgs { scope, ..self.connect.clone() }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// How often to look at the members; the leader and the configuration are watched
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) interval: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The name of this member
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The group to join in a Citus cluster
    #[arg(long, value_name = "N")]
    pub(crate) group: Option<u32>,
    /// The session timeout: how long after this agent dies another may lead
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) ttl: Option<Duration>,
    /// The time between two rounds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) loop_wait: Option<Duration>,
    /// How long an operation is tried again. loop_wait + 2 × retry_timeout must not exceed ttl
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) retry_timeout: Option<Duration>,
    /// The connection URL to publish [default: postgres://NAME:5432/postgres]
    #[arg(long, value_name = "URL")]
    pub(crate) conn_url: Option<String>,
    /// The URL of a REST API to publish; there is none behind it [default: http://NAME:8008/patroni]
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Also print a line each time the lease is renewed
    #[arg(long)]
    pub(crate) show_renewals: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// Reads the command line; `None` when help or the version was asked for and printed.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, Failure> {
        match Self::try_parse_from(arguments) {
            Ok(cli) => Ok(Some(cli)),
            Err(error) => match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    output::write(&error.render().to_string())?;
                    Ok(None)
                }
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => Err(
                    Failure::Usage("no command: give list, watch, agent or completions, or --help".into()),
                ),
                _ => Err(Failure::Usage(in_one_line(&error.render().to_string()))),
            },
        }
    }
}

/// The library's report without the usage below it, in one line.
fn in_one_line(report: &str) -> String {
    let lines = report.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    // Nobody wants to pass an option as a value.
    let noise = ["For more", "tip: to pass"];
    let said: Vec<&str> =
        lines.filter(|line| !line.is_empty() && !noise.iter().any(|noise| line.starts_with(noise))).collect();
    let said = said.join(" ").replace(" tip: ", "; ");
    format!("{}; --help lists what is understood", said.strip_prefix("error: ").unwrap_or(&said))
}

/// A time in seconds, decimals allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    let hint = "give seconds greater than 0, such as 2.5";
    let seconds: f64 = text.trim().parse().map_err(|_| hint.to_owned())?;
    if !(seconds > 0.0 && seconds <= MAX_SECONDS) {
        return Err(format!("{hint}, and {MAX_SECONDS} at most"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| hint.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        for bad in ["", "0", "-1", "NaN", "inf", "1e9", "2s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn errors_take_one_line() {
        let error = Cli::try_parse_from(["dcsctl", "list", "--tmeout", "3"]).unwrap_err();
        let line = in_one_line(&error.render().to_string());
        assert!(line.starts_with("unexpected argument '--tmeout' found"), "{line}");
        assert!(line.contains("; a similar argument exists: '--timeout'; --help"), "{line}");
        assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
        let error = Cli::try_parse_from(["dcsctl", "list", "--foo"]).unwrap_err();
        let line = in_one_line(&error.render().to_string());
        assert_eq!(line, "unexpected argument '--foo' found; --help lists what is understood");
    }
}
