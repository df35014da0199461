//! The table of the members: what ZooKeeper has of them, and what they believe themselves.

use dcs_zk::{Cluster, Member, Timestamp};

use crate::{screen::Paint, stage::Actor};

const COLUMNS: usize = 7;
const TITLES: [&str; COLUMNS] = ["Member", "Role", "State", "Lag", "Connected to", "Believes", "Lease"];
/// Room for what comes, so that the columns do not jump; together no more than 80.
const LEAST_WIDTHS: [usize; COLUMNS] = [6, 7, 9, 6, 15, 13, 5];

/// A row. `lag` and `lease` change all the time; the rest is news when it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    name: String,
    role: &'static str,
    state: String,
    lag: String,
    server: String,
    belief: String,
    lease: String,
    paint: Paint,
}

impl Row {
    pub(crate) fn new(actor: &Actor, cluster: &Cluster, now: Timestamp) -> Self {
        let member = cluster.members.iter().find(|member| member.name == actor.name);
        let leads_there = cluster.leader_name() == Some(&actor.name);
        let replication = member.and_then(|member| member.data.get_str("replication_state"));
        let lag = member.filter(|_| !leads_there).and_then(Member::lsn).filter(|lsn| *lsn != 0);
        let span = actor.reigns.at(now);
        let dead = actor.killed.is_some();
        let left = span.map(|span| format!("{:.1} s", span.end().since(now).as_secs_f64()));
        Self {
            name: actor.name.clone(),
            role: match member {
                Some(_) if leads_there => "Leader",
                Some(_) => "Replica",
                None => "",
            },
            state: member
                .map(|member| replication.unwrap_or_else(|| member.state()).to_owned())
                .unwrap_or_default(),
            lag: lag.map_or_else(String::new, |lsn| {
                format!("{} B", cluster.last_lsn().saturating_sub(lsn).max(0))
            }),
            server: actor.connection.as_ref().map_or_else(String::new, |(server, _)| server.clone()),
            belief: match (dead, span.is_some(), &actor.follows) {
                (true, true, _) => "is dead".into(),
                (true, false, _) => "is dead".into(),
                (false, true, _) => "leads".into(),
                (false, false, Some(leader)) => format!("follows {leader}"),
                (false, false, None) => "no leader".into(),
            },
            lease: left.unwrap_or_else(|| if dead { "ended".into() } else { String::new() }),
            paint: match (dead, span.is_some()) {
                (true, _) => Paint::Red,
                (false, true) => Paint::Green,
                (false, false) => Paint::None,
            },
        }
    }

    fn cells(&self) -> [&str; COLUMNS] {
        [&self.name, self.role, &self.state, &self.lag, &self.server, &self.belief, &self.lease]
    }

    /// Whether something is different that is not always changing.
    pub(crate) fn is_news(&self, before: &Self) -> bool {
        let calm = |row: &Self| Self { lag: String::new(), lease: String::new(), ..row.clone() };
        calm(self) != calm(before)
    }

    /// The row in one line, for who has no terminal.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{} {}", self.name, self.belief);
        let more = [
            (", lease left ", self.lease.as_str()),
            ("; in ZooKeeper ", self.role),
            (" ", &self.state),
            ("; connected to ", &self.server),
        ];
        for (title, cell) in more.iter().filter(|(_, cell)| !cell.is_empty()) {
            line.push_str(title);
            line.push_str(cell);
        }
        line
    }
}

/// All rows below their titles, padded.
pub(crate) fn render(rows: &[Row]) -> Vec<(Paint, String)> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.cells().get(column).map(|cell| cell.chars().count()));
        cells.chain(TITLES.get(column).map(|title| title.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> =
        LEAST_WIDTHS.iter().enumerate().map(|(column, &least)| width(column).max(least)).collect();
    let join = |cells: [&str; COLUMNS]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        padded.join(" | ").trim_end().to_owned()
    };
    let line = widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("-+-");
    let mut lines = vec![(Paint::None, String::new()), (Paint::Bold, join(TITLES)), (Paint::None, line)];
    lines.extend(rows.iter().map(|row| (row.paint, join(row.cells()))));
    lines
}
