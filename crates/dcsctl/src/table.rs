//! The table that people know from `patronictl list`.

mod row;

use std::collections::{BTreeMap, HashSet};

use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use dcs_model::{
    Cluster,
    json::{Object, Value},
};

use self::row::{Row, text};
use crate::{
    output::printable,
    view::{Kind, Summary},
};

const LINE: LineStyle = LineStyle::new('+', '-', '+', '+');
const STYLE: TableStyle = TableStyle::new()
    .top_border(LINE)
    .header_lines(ContentLineStyle::new('|', '|', '|'))
    .header_separator(LINE)
    .content_lines(ContentLineStyle::new('|', '|', '|'))
    .bottom_border(LINE);

/// A column: its title, and where its values are in a row.
struct Column {
    title: &'static str,
    right: bool,
    cell: fn(&Row) -> &str,
}

const fn left(title: &'static str, cell: fn(&Row) -> &str) -> Column {
    Column { title, right: false, cell }
}

const fn right(title: &'static str, cell: fn(&Row) -> &str) -> Column {
    Column { title, right: true, cell }
}

/// The cluster as a table, with what is planned below it; answers to `patroni.ctl.output_members`. `extended` shows the
/// last columns even when there is nothing in them.
pub(crate) fn render(scope: &str, kind: Kind, cluster: &Cluster, extended: bool) -> String {
    let (first, title) = match kind {
        Kind::Plain => (0, format!(" Cluster: {scope} ({}) ", initialize(cluster))),
        Kind::Group(group) => {
            (group, format!(" Citus cluster: {scope} (group: {group}, {}) ", initialize(cluster)))
        }
        Kind::AllGroups => (0, format!(" Citus cluster: {scope} ")),
    };
    let mut summaries = BTreeMap::from([(first, Summary::new(cluster))]);
    if kind == Kind::AllGroups {
        summaries.extend(cluster.workers.iter().map(|(group, worker)| (*group, Summary::new(worker))));
    }

    let members: Vec<&Object> = summaries.values().flat_map(|summary| &summary.members).collect();
    let append_port = must_append_port(&members);
    let columns = columns(kind, &members, extended);
    let rows: Vec<Row> = summaries
        .iter()
        .flat_map(|(group, summary)| {
            summary.members.iter().map(move |member| Row::new(*group, member, append_port))
        })
        .collect();

    let mut out = draw(&printable(&title), &columns, &rows);
    for (group, summary) in &summaries {
        let info = service_info(summary);
        if info.is_empty() {
            continue;
        }
        if kind == Kind::AllGroups {
            out.push_str(&format!("Citus group: {group}\n"));
        }
        for line in info {
            out.push_str(&format!(" {line}\n"));
        }
    }
    out
}

fn initialize(cluster: &Cluster) -> &str {
    match cluster.initialize.as_deref() {
        None => "uninitialized",
        Some("") => "initializing",
        Some(system_id) => system_id,
    }
}

/// Whether the host alone does not tell where to connect: somebody has another port than 5432, or two share a host.
fn must_append_port(members: &[&Object]) -> bool {
    let default = Value::from(5432);
    let with_host: Vec<&&Object> = members.iter().filter(|member| member.contains_key("host")).collect();
    let hosts: HashSet<String> = with_host.iter().map(|member| text(member, "host")).collect();
    with_host.iter().any(|member| member.get("port").is_some_and(|port| *port != default))
        || hosts.len() < with_host.len()
}

fn columns(kind: Kind, members: &[&Object], extended: bool) -> Vec<Column> {
    let mut columns = vec![
        left("Member", |row| &row.name),
        left("Host", |row| &row.host),
        left("Role", |row| &row.role),
        left("State", |row| &row.state),
        right("TL", |row| &row.timeline),
        right("Receive LSN", |row| &row.receive_lsn),
        right("Lag", |row| &row.receive_lag),
        right("Replay LSN", |row| &row.replay_lsn),
        right("Lag", |row| &row.replay_lag),
    ];
    if kind == Kind::AllGroups {
        columns.insert(0, right("Group", |row| &row.group));
    }
    let optional = [
        ("pending_restart", left("Pending restart", |row| &row.pending_restart)),
        ("pending_restart_reason", left("Pending restart reason", |row| &row.pending_restart_reason)),
        ("scheduled_restart", left("Scheduled restart", |row| &row.scheduled_restart)),
        ("tags", left("Tags", |row| &row.tags)),
    ];
    // As in Patroni, members without a host do not count here.
    let somebody_has = |key| {
        members
            .iter()
            .any(|member| member.contains_key("host") && member.get(key).is_some_and(Value::is_truthy))
    };
    columns.extend(
        optional.into_iter().filter(|(key, _)| extended || somebody_has(key)).map(|(_, column)| column),
    );
    columns
}

/// The maintenance mode and a scheduled switchover; answers to `patroni.ctl.get_cluster_service_info`.
fn service_info(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    if summary.pause {
        lines.push("Maintenance mode: on".to_owned());
    }
    if let Some(switchover) = &summary.scheduled_switchover {
        lines.push(format!("Switchover scheduled at: {}", printable(&text(switchover, "at"))));
        for name in ["from", "to"].into_iter().filter(|name| switchover.contains_key(name)) {
            // One less than Patroni's 24 for the space in front of every line here.
            lines.push(format!("{name:>23}: {}", printable(&text(switchover, name))));
        }
    }
    lines
}

fn draw(title: &str, columns: &[Column], rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(columns.iter().map(|column| column.title));
    let mut several_lines = false;
    for row in rows {
        // Values of several lines are made here; a line break in what is stored comes out escaped in one.
        let cells = columns
            .iter()
            .map(|column| (column.cell)(row).split('\n').map(printable).collect::<Vec<_>>().join("\n"));
        let cells: Vec<String> = cells.collect();
        several_lines |= cells.iter().any(|cell| cell.contains('\n'));
        table.add_row(cells);
    }
    if several_lines {
        table.load_style(STYLE.row_separator(LINE));
    }
    for (index, _) in columns.iter().enumerate().filter(|(_, column)| column.right) {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut out = String::new();
    for (index, line) in table.lines().enumerate() {
        if index == 0 {
            out.push_str(&with_title(&line, title));
        } else {
            out.push_str(&line);
        }
        out.push('\n');
    }
    out
}

/// The topmost line with the title in it, cut where the table ends.
fn with_title(line: &str, title: &str) -> String {
    let room = line.chars().count().saturating_sub(2);
    let title: String = title.chars().take(room).collect();
    let rest = line.chars().skip(1 + title.chars().count());
    std::iter::once('+').chain(title.chars()).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use dcs_model::{Failover, Member};

    use super::*;
    use crate::view::tests::{cluster, config, member};

    fn at(name: &str, address: &str, more: &str) -> Member {
        member(name, &format!(r#"{{"conn_url":"postgres://{address}/db","state":"running"{more}}}"#))
    }

    #[test]
    fn a_plain_cluster() {
        let replica = r#","replication_state":"streaming","timeline":2,"receive_lsn":100663296,"replay_lsn":99614720,"xlog_location":100663296"#;
        let mut cluster = cluster(vec![
            at("pg1", "10.0.0.1", r#","timeline":2"#),
            at("pg2", "10.0.0.2", replica),
            member("pg3", "no json"),
        ]);
        cluster.status.last_lsn = 102_760_448;
        cluster.initialize = Some("7277694203142172922".into());
        assert_eq!(
            render("batman", Kind::Plain, &cluster, false),
            "\
+ Cluster: batman (7277694203142172922) --+----+-------------+-----+------------+-----+
| Member | Host     | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+----------+---------+-----------+----+-------------+-----+------------+-----+
| pg1    | 10.0.0.1 | Leader  | running   |  2 |             |     |            |     |
| pg2    | 10.0.0.2 | Replica | streaming |  2 |   0/6000000 |   2 |  0/5F00000 |   3 |
| pg3    |          | Replica |           |    |     unknown |     |    unknown |     |
+--------+----------+---------+-----------+----+-------------+-----+------------+-----+
"
        );
    }

    #[test]
    fn the_port_is_shown_where_it_matters() {
        let hosts = |members: Vec<Member>| {
            let text = render("x", Kind::Plain, &cluster(members), false);
            let row = |line: &str| line.split('|').nth(2).unwrap_or_default().trim().to_owned();
            text.lines().filter(|line| line.starts_with("| p")).map(row).collect::<Vec<_>>()
        };
        assert_eq!(hosts(vec![at("p1", "a", ""), at("p2", "b", "")]), ["a", "b"]);
        assert_eq!(hosts(vec![at("p1", "a", ""), at("p2", "b:5433", "")]), ["a:5432", "b:5433"]);
        assert_eq!(hosts(vec![at("p1", "a", ""), at("p2", "a", "")]), ["a:5432", "a:5432"]);
        assert_eq!(hosts(vec![at("p1", "a", ""), member("p2", "{}"), member("p3", "{}")]), ["a", "", ""]);
    }

    #[test]
    fn columns_that_somebody_needs() {
        let more = r#","pending_restart":true,"pending_restart_reason":{"max_connections":{"old_value":"100","new_value":"200"},"shared_preload_libraries":{"old_value":"","new_value":"a,b,c,d,e,f,g,h,i,j,k,l,m"}},"scheduled_restart":{"schedule":"2030-01-01T00:00:00+00:00","postgres_version":"17.0"},"tags":{"nosync":true,"clonefrom":"x"}"#;
        let text = render("x", Kind::Plain, &cluster(vec![at("p1", "a", more), at("p2", "b", "")]), false);
        for part in [
            "| Pending restart |",
            "| *               |",
            "max_connections: 100->200",
            "shared_preload_libraries: [hidden - too long]",
            "2030-01-01T00:00:00+00:00 if version < 17.0",
            "| clonefrom: x |",
            "| nosync: true |",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        // A line between the rows, since some take several.
        assert_eq!(text.lines().filter(|line| line.starts_with('+')).count(), 4);
        assert!(!render("x", Kind::Plain, &cluster(vec![at("p1", "a", "")]), false).contains("Tags"));
        assert!(render("x", Kind::Plain, &cluster(vec![at("p1", "a", "")]), true).contains("Tags"));
    }

    #[test]
    fn groups() {
        let mut coordinator = cluster(vec![at("c1", "a", "")]);
        coordinator.initialize = Some(String::new());
        coordinator.workers.insert(2, cluster(vec![at("w1", "b", "")]));
        let all = render("x", Kind::AllGroups, &coordinator, false);
        assert!(all.starts_with("+ Citus cluster: x -"), "{all}");
        assert!(all.contains("| Group | Member |") && all.contains("|     2 | w1     |"), "{all}");
        let one = render("x", Kind::Group(0), &coordinator, false);
        assert!(one.starts_with("+ Citus cluster: x (group: 0, initializing) -"), "{one}");
        assert!(!one.contains("Group |") && !one.contains("w1"), "{one}");
    }

    #[test]
    fn what_is_planned() {
        let mut paused = cluster(vec![at("p1", "a", "")]);
        paused.config = config(r#"{"pause":true}"#);
        paused.failover = Some(Failover::from_node(
            1,
            br#"{"leader":"p1","member":"p2","scheduled_at":"2030-01-02T03:04:05+00:00"}"#,
        ));
        let text = render("x", Kind::Plain, &paused, false);
        let below: Vec<&str> = text.lines().skip_while(|line| !line.starts_with(' ')).collect();
        assert_eq!(
            below,
            [
                " Maintenance mode: on",
                " Switchover scheduled at: 2030-01-02T03:04:05+00:00",
                "                    from: p1",
                "                      to: p2",
            ]
        );
        paused.workers.insert(1, Cluster::empty());
        assert!(render("x", Kind::AllGroups, &paused, false).contains("\nCitus group: 0\n Maintenance"));
    }

    #[test]
    fn old_members_give_one_position() {
        let old = |state: &str| {
            let data = format!(r#"{{"state":"{state}","xlog_location":16}}"#);
            let cluster = cluster(vec![member("a", "{}"), member("b", &data)]);
            let text = render("x", Kind::Plain, &cluster, false);
            let line = text.lines().find(|line| line.starts_with("| b")).unwrap().to_owned();
            let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            (cells[6].clone(), cells[8].clone())
        };
        assert_eq!(old("streaming"), ("0/10".into(), "unknown".into()));
        assert_eq!(old("running"), ("unknown".into(), "0/10".into()));
    }

    #[test]
    fn nobody_and_nasty_names() {
        let text = render("x", Kind::Plain, &Cluster::empty(), false);
        assert!(text.starts_with("+ Cluster: x (uninitialized) -"), "{text}");
        assert_eq!(text.lines().count(), 4);
        let text = render("x", Kind::Plain, &cluster(vec![member("a\u{1b}[2J", "{}")]), false);
        assert!(text.contains("a\\u{1b}[2J") && !text.contains('\u{1b}'), "{text}");
    }
}
