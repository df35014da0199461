//! The command line.

use std::{ffi::OsString, time::Duration};

use clap::{Parser, Subcommand};
use dcs_zk::Timings;

use crate::failure::Failure;

const LONG: &str = "\
Three agents contend for the leader key of a Patroni scope, each in a process of its own. The ZooKeeper server that the leader
is connected to is lost: the leader's session survives, and it leads on. Then the leader is killed with SIGKILL: its lease ends,
and another one leads. A timeline with times ends it.

ZooKeeper is the server of zk-embedded, in this process: nothing but Rust is needed. With --ensemble it is three real servers.
Nothing stays behind. What may be shown in colour is not if NO_COLOR is set.";

const AFTER: &str = "\
Exit codes: 0 the lock has changed hands and nobody led beyond its lease; 1 nobody took over, two led at a time, or something
else went wrong; 2 wrong usage; 129, 130 and 143 ended by SIGHUP, SIGINT (Ctrl-C) and SIGTERM.

JSON: one object a line with time, offset_ms and event: servers-started, leader-elected, server-lost, leader-moved, leader-killed,
lease-ended, new-leader, then beliefs (who believed to lead, and until when, on CLOCK_BOOTTIME) and done, or failed with why.";

/// Loses a ZooKeeper server and then the leader, and shows who leads when
#[derive(Debug, Parser)]
#[command(name = "demo", version, long_about = LONG, after_help = AFTER, max_term_width = 120)]
#[command(
    override_usage = "demo [OPTIONS]",
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Options {
    /// On three real ZooKeeper servers. They need Java and ZooKeeper's jars: scripts/install-deps.sh zookeeper
    #[arg(long)]
    pub(crate) ensemble: bool,
    /// The session timeout, 2 to 30 s: a dead leader is replaced after about so long
    #[arg(long, value_name = "SECONDS", default_value = "6", value_parser = |text: &str| seconds(text, 2.0, 30.0))]
    ttl: Duration,
    /// The time between two rounds of an agent, 0.2 to 10 s and a third of the ttl at most
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = |text: &str| seconds(text, 0.2, 10.0))]
    loop_wait: Duration,
    /// Print JSON, one event a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) hidden: Option<Hidden>,
}

/// What only this program asks of itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Hidden {
    /// `dcsctl agent`, until standard input ends
    #[command(hide = true, disable_help_flag = true)]
    Agent {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

impl Options {
    /// The times of the agents: what the rounds leave of the ttl is for two tries of an operation, as Patroni's rule has it.
    pub(crate) fn timings(&self) -> Result<Timings, Failure> {
        let (ttl, loop_wait) = (self.ttl, self.loop_wait);
        if loop_wait * 3 > ttl {
            return Err(Failure::Usage(format!(
                "--loop-wait {loop_wait:?} is more than a third of --ttl {ttl:?}: give a shorter one, or a longer ttl"
            )));
        }
        Timings::new(ttl, loop_wait, (ttl - loop_wait) / 2)
            .map_err(|error| Failure::Usage(format!("{error}; correct --ttl or --loop-wait")))
    }
}

fn seconds(text: &str, least: f64, most: f64) -> Result<Duration, String> {
    let hint = || format!("give seconds from {least} to {most}");
    let seconds: f64 = text.trim().parse().map_err(|_| hint())?;
    if !(least..=most).contains(&seconds) {
        return Err(hint());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| hint())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn an_agent_gets_its_arguments_as_they_are() {
        let options = Options::try_parse_from(["demo", "agent", "--json", "--ttl", "5", "--help"]).unwrap();
        let Some(Hidden::Agent { arguments }) = options.hidden else { panic!("{options:?}") };
        assert_eq!(arguments, ["--json", "--ttl", "5", "--help"]);
    }

    #[test]
    fn times_keep_to_the_rule() {
        let timings = |arguments: &[&str]| Options::try_parse_from(arguments).unwrap().timings();
        let default = timings(&["demo"]).unwrap();
        assert_eq!(default.retry_timeout(), Duration::from_millis(2500));
        assert!(timings(&["demo", "--ttl", "2", "--loop-wait", "1"]).is_err());
    }
}
