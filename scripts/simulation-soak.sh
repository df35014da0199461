#!/usr/bin/env bash
# Runs the simulation of the session for long, over seeds that CI does not run, and adds what came of it to
# crates/zk-proto/tests/simulation/LEDGER.jsonl.
#
# Usage: scripts/simulation-soak.sh [--help] [seconds (default 3600)] [first seed (default: after the last of the ledger)]
#
# A seed that shows something wrong is printed with the command that replays it.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in -h | --help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;; esac
ledger=crates/zk-proto/tests/simulation/LEDGER.jsonl
last=$([ ! -f "$ledger" ] || tail -n 1 "$ledger" | sed -n 's/.*"next_seed":\([0-9]*\).*/\1/p')
export ZK_SIM_SECONDS=${1:-3600} ZK_SIM_FIRST=${2:-${last:-20000}}

commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -- crates/zk-jute crates/zk-proto Cargo.lock ":!$ledger")" ] || commit+=-dirty
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=true
cargo test --locked -p zk-proto --test simulation soak -- --ignored --nocapture 2>&1 | tee "$log" || passed=false
totals=$(grep -m1 '^{"seeds":' "$log") || { printf 'simulation-soak: did not run to its end\n' >&2; exit 1; }
seeds=$(sed -n 's/.*"seeds":\([0-9]*\).*/\1/p' <<<"$totals")
printf '{"date":"%s","commit":"%s","first_seed":%d,"next_seed":%d,"passed":%s,"totals":%s}\n' "$(date -u +%FT%TZ)" "$commit" \
    "$ZK_SIM_FIRST" "$((ZK_SIM_FIRST + seeds))" "$passed" "$totals" >>"$ledger"
$passed
