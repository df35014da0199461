#!/usr/bin/env bash
# Runs the benchmarks, this client side by side with every other one that is there, and leaves of each a table, JSON lines and a
# picture. Best on a machine that does nothing else. All of them take about an hour on two cores.
#
# Usage: scripts/bench.sh [--out DIRECTORY] [codec] [throughput] [reconnect] [loading] [scale] [all]
#
#   --out       where NAME.txt, NAME.jsonl and NAME.svg go (target/bench)
#   codec       encoding and decoding beside a plain copy: 12 minutes
#   throughput  against a stub server, a real one, and three: 20 minutes
#   reconnect   from a fault of the connected server to the next good reply: 12 minutes
#   loading     clusters, beside Patroni's own classes: 4 minutes
#   scale       how cost grows with members, groups, watches and sessions: 6 minutes
#   all         all of them (the default)
#
# Installs what servers and peers need (install-deps.sh zookeeper python peers). For other options call the programs themselves:
# benches/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" | sed '$d'
    exit "$1"
}

out=target/bench
names=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage 0 ;;
        --out) out=${2:?--out wants a directory}; shift ;;
        codec | throughput | reconnect | loading | scale) names+=("$1") ;;
        all) names+=(codec throughput reconnect loading scale) ;;
        *) printf 'bench: no benchmark: %s\n' "$1" >&2; usage 2 >&2 ;;
    esac
    shift
done
[ ${#names[@]} -gt 0 ] || names=(codec throughput reconnect loading scale)

scripts/install-deps.sh zookeeper python peers
target=${CARGO_TARGET_DIR:-target}
cargo build --locked --release -p benches --features peers --bins
mkdir -p "$out"

# run NAME PROGRAM OPTION...
run() {
    local name=$1 program=$2
    shift 2
    printf '\n== %s\n' "$name"
    "$target/release/$program" --json "$out/$name.jsonl" --plot "$out/$name.svg" "$@" | tee "$out/$name.txt"
}

for name in "${names[@]}"; do
    case $name in
        codec)
            cargo bench --locked -p benches --features peers --bench codec
            run codec codec-report
            ;;
        throughput)
            run throughput-stub throughput --servers stub
            run throughput-one throughput --servers one
            run throughput-three throughput --servers three
            ;;
        *) run "$name" "$name" ;;
    esac
done
printf '\nbench: tables, JSON lines and pictures are in %s\n' "$out"
