#!/bin/bash
# Shows a leader being lost and replaced: a real ZooKeeper ensemble of three servers, and three agents that contend for
# the leader key of a Patroni scope. The server that the leader is connected to is killed, then the leader itself.
#
# Usage: scripts/demo.sh
#
# Takes about 15 s once everything is installed and built. Nothing stays behind. Fails if nobody takes over, or if two
# lead at a time.
set -euo pipefail
cd "$(dirname "$0")/.."

ttl=6
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 ]] || say() { printf '\n%s\n' "$*"; }
die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

tmp=$(mktemp -d)
ensemble=
declare -A agents=()
cleanup() {
    status=$?
    trap - EXIT INT TERM
    # Only what was started here. The ensemble kills its servers when it ends.
    for pid in "${agents[@]}" $ensemble; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$tmp"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

scripts/install-deps.sh zookeeper || die "ZooKeeper cannot be installed, see above"
cargo build --locked --package dcsctl --package zk-testkit --bin dcsctl --bin zk-ensemble
# Where cargo has put the programs: the build directory can be anywhere.
bin=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}
# field LINE KEY: a value of a line of JSON without nested objects.
field() { sed -n "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"$1"; }
# clock TIME: the time of day of a timestamp.
clock() { date -d "$1" +%T.%3N; }
# last EVENT NAME: the newest line of an agent with this event.
last() { grep "\"event\":\"$1\"" "$tmp/$2" | tail -n 1; }
leading() { grep -qs '"event":"leads"' "$tmp"/node*; }
list() { "$bin/dcsctl" list demo -d "$hosts"; }
# are_listed NUMBER: that many members are there and replicate.
are_listed() {
    local table
    table=$(list 2>/dev/null) && [[ $(grep -c '^| node' <<<"$table") = "$1" && $table != *unknown* ]]
}

say "Three ZooKeeper servers"
"$bin/zk-ensemble" --servers 3 --ignore-stdin --json >"$tmp/ensemble" 2>"$tmp/ensemble.log" &
ensemble=$!
wait_for 60 grep -qs connect_string "$tmp/ensemble" || die "the ensemble does not start: $(cat "$tmp/ensemble.log")"
hosts=$(field "$(grep -o '"connect_string":"[^"]*"' "$tmp/ensemble" | tr , ' ')" connect_string | tr ' ' ,)
echo "$hosts"

say "Three agents: ttl $ttl s, a round each second"
for name in node1 node2 node3; do
    "$bin/dcsctl" agent --json --show-renewals --scope demo -d "$hosts" --name "$name" \
        --ttl "$ttl" --loop-wait 1 --retry-timeout 2 >"$tmp/$name" 2>"$tmp/$name.log" &
    agents[$name]=$!
done
wait_for 20 leading || die "nobody leads"
wait_for 20 are_listed 3 || die "not all agents are members"
leader=$(field "$(cat "$tmp"/node[123] | grep '"event":"leads"' | tail -n 1)" name)
list

connected=$(last connected "$leader")
server=$(field "$connected" server)
server_pid=$(grep -o "{[^{}]*\"host\":\"$server\"[^{}]*}" "$tmp/ensemble" | grep -o '"pid":[0-9]*' | grep -o '[0-9]*')
say "Killing the ZooKeeper server that the leader $leader is connected to ($server)"
kill -KILL "$server_pid"
moved() { [[ $(field "$(last connected "$leader")" server) != "$server" ]]; }
wait_for 20 moved || die "$leader has found no other server"
connected=$(last connected "$leader")
echo "$(clock "$(field "$connected" time)")  $leader is connected to $(field "$connected" server): $(field "$connected" why)"
if last lost "$leader" >/dev/null; then die "$leader has lost the leadership with its server"; fi
renewed_at=$(field "$connected" time)
renewed() { [[ $(field "$(last renewed "$leader")" time) > $renewed_at ]]; }
wait_for 10 renewed || die "$leader does not renew its lease"
echo "$(clock "$(field "$(last renewed "$leader")" time)")  $leader leads on: its session has survived"

say "Killing the leader $leader (SIGKILL)"
disown "${agents[$leader]}" # the shell shall not say that it is dead
kill -KILL "${agents[$leader]}"
killed=$(date -u +%FT%T.%3NZ)
unset "agents[$leader]"
# What it believed last: after this moment it would have stopped leading by itself.
lease_end=$(field "$(grep -h '"lease_until":"' "$tmp/$leader" | tail -n 1)" lease_until)
others=("${!agents[@]}")
successor() { new=$(cat "${others[@]/#/$tmp/}" | grep '"event":"leads"' | tail -n 1); [[ -n $new ]]; }
wait_for $((3 * ttl)) successor || die "nobody has taken over"
new_at=$(field "$new" time)
new_leader=$(field "$new" name)
millis() { date -d "$1" +%s%3N; }
echo "$(clock "$killed")  $leader is dead"
echo "$(clock "$lease_end")  its lease has ended: until then it could have acted as leader"
echo "$(clock "$new_at")  $new_leader leads, $(($(millis "$new_at") - $(millis "$killed"))) ms after the kill"
[[ $new_at > $lease_end ]] || die "two have led at a time"
[[ $new_leader != "$leader" ]] || die "the dead cannot lead"

shown() { are_listed 2 && list | grep -q "^| $new_leader .*Leader"; }
wait_for 10 shown || die "$new_leader is not shown as leader"
list
say "Done: the lock has changed hands, and nobody has led beyond its lease."
