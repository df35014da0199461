//! The keys of a Patroni cluster, as many as are asked for.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use serde_json::json;
use zk_session::{Acl, Client, CreateMode};

use super::{Seen, SeenGroup};
use crate::servers::{AnyError, create_all};

const TTL: i64 = 30;
const SYSTEM_IDENTIFIER: &str = "7324567890123456789";
const HISTORY: usize = 3;

/// How large a cluster is: `20` members, or `20x3` for Citus with 20 groups of 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Groups of a Citus cluster; none without Citus.
    pub groups: Option<u32>,
    /// Members of each group.
    pub members: u32,
}

impl Shape {
    /// The name of the Patroni cluster.
    pub fn scope(self) -> String {
        format!("bench-{self}")
    }

    /// The group of the member that loads: with Citus the coordinator, which loads all groups.
    pub fn group(self) -> Option<u32> {
        self.groups.map(|_| 0)
    }

    /// In words.
    pub fn describe(self) -> String {
        match self.groups {
            None => format!("{} members", self.members),
            Some(groups) => format!("Citus, {groups} groups of {}", self.members),
        }
    }

    /// Creates all keys. Those of members and leaders belong to the client's session, and go with it.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub async fn make(self, client: &Client) -> Result<(), AnyError> {
        let base = format!("/service/{}", self.scope());
        client.create_with_parents(&base, "", CreateMode::PERSISTENT, &Acl::open()).await?;
        let mut nodes = Vec::new();
        for group in 0..self.groups.unwrap_or(1) {
            let directory = match self.groups {
                None => base.clone(),
                Some(_) => format!("{base}/{group}"),
            };
            if self.groups.is_some() {
                nodes.push((directory.clone(), Bytes::new(), CreateMode::PERSISTENT));
            }
            nodes.extend(self.keys(group, &directory));
        }
        create_all(client, &nodes).await
    }

    /// What every load must have given.
    pub fn seen(self) -> Seen {
        let members = self.members as usize;
        let group = |group| SeenGroup {
            initialize: SYSTEM_IDENTIFIER.to_owned(),
            ttl: TTL,
            leader: member(group, 0),
            last_lsn: last_lsn(group),
            running: members,
            sync_standby: member(group, 1),
            history: HISTORY,
            failsafe: members,
        };
        (0..self.groups.unwrap_or(1)).map(|number| (number, group(number))).collect()
    }

    /// The keys of one group, as Patroni 4.1 writes them; there is no failover under way.
    fn keys(self, group: u32, directory: &str) -> Vec<(String, Bytes, CreateMode)> {
        let names: Vec<String> = (0..self.members).map(|number| member(group, number)).collect();
        let lsn = last_lsn(group);
        let slots: serde_json::Map<_, _> =
            names.iter().map(|name| (name.replace('-', "_"), json!(lsn))).collect();
        let failsafe: serde_json::Map<_, _> =
            (0..).zip(&names).map(|(number, name)| (name.clone(), json!(api_url(group, number)))).collect();
        let history: Vec<_> = (1..=HISTORY)
            .map(|timeline| {
                json!([
                    timeline,
                    lsn - 1,
                    "no recovery target specified",
                    "2025-03-01T12:34:56+00:00",
                    names[0]
                ])
            })
            .collect();
        let config = json!({
            "ttl": TTL, "loop_wait": 10, "retry_timeout": 10, "maximum_lag_on_failover": 1_048_576,
            "synchronous_mode": true, "failsafe_mode": true,
            "postgresql": {"use_pg_rewind": true, "use_slots": true, "parameters": {
                "max_connections": 500, "max_wal_senders": 20, "wal_level": "replica", "wal_keep_size": "4GB"}},
        });
        let status = json!({"optime": lsn, "slots": slots, "retain_slots": slots.keys().collect::<Vec<_>>()});
        let mut keys = vec![
            ("initialize", SYSTEM_IDENTIFIER.to_owned()),
            ("config", config.to_string()),
            ("status", status.to_string()),
            ("sync", json!({"leader": names[0], "sync_standby": member(group, 1), "quorum": 0}).to_string()),
            ("history", json!(history).to_string()),
            ("failsafe", json!(failsafe).to_string()),
            ("members", String::new()),
        ];
        let mut nodes: Vec<_> = keys
            .drain(..)
            .map(|(key, value)| (format!("{directory}/{key}"), value.into(), CreateMode::PERSISTENT))
            .collect();
        nodes.push((format!("{directory}/leader"), names[0].clone().into(), CreateMode::EPHEMERAL));
        for (number, name) in (0..).zip(&names) {
            let path = format!("{directory}/members/{name}");
            nodes.push((path, member_data(group, number).into(), CreateMode::EPHEMERAL));
        }
        nodes
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.groups {
            None => write!(f, "{}", self.members),
            Some(groups) => write!(f, "{groups}x{}", self.members),
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |word: &str| word.parse().ok().filter(|number| *number > 0);
        let shape = match text.split_once('x') {
            None => number(text).map(|members| Self { groups: None, members }),
            Some((groups, members)) => number(groups)
                .zip(number(members))
                .map(|(groups, members)| Self { groups: Some(groups), members }),
        };
        shape.ok_or_else(|| format!("{text}: give the number of members, or GROUPSxMEMBERS for Citus"))
    }
}

fn member(group: u32, number: u32) -> String {
    format!("pg-{group}-{number}")
}

fn last_lsn(group: u32) -> i64 {
    25_769_803_776 + i64::from(group)
}

fn address(group: u32, number: u32) -> String {
    format!("10.{group}.{}.{}", number / 250, number % 250 + 1)
}

fn api_url(group: u32, number: u32) -> String {
    format!("http://{}:8008/patroni", address(group, number))
}

fn member_data(group: u32, number: u32) -> String {
    let lsn = last_lsn(group);
    let mut data = json!({
        "conn_url": format!("postgres://{}:5432/postgres", address(group, number)),
        "api_url": api_url(group, number),
        "state": "running",
        "role": if number == 0 { "primary" } else { "replica" },
        "version": "4.1.5",
        "xlog_location": lsn,
        "timeline": HISTORY + 1,
        "tags": {"clonefrom": true, "failover_priority": 1},
    });
    if number > 0 {
        data["replication_state"] = "streaming".into();
        data["receive_lsn"] = lsn.into();
        data["replay_lsn"] = lsn.into();
    }
    data.to_string()
}
