#!/usr/bin/env bash
# Runs the tests of leaks for long, and adds what they measured to tests/LEDGER.jsonl.
#
# Usage: scripts/leak-soak.sh [--help] [cycles (default 10000)]
#
# That many sessions are connected and closed, and as many dropped, expired, and led with; as many connections are reset; all servers
# are down for a minute; a thousand times as many events come to a watcher that nobody reads.
# Each line of the ledger has open files, tasks and allocated bytes of the first and of the last tenth.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in -h | --help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;; esac
export LEAK_CYCLES=${1:-10000} LEAK_DROPS=${1:-10000} LEAK_OUTAGE=60 LEAK_EVENTS=${1:-10000}000
LEAK_LEDGER=$(mktemp)
export LEAK_LEDGER
trap 'rm -f "$LEAK_LEDGER"' EXIT

scripts/install-deps.sh zookeeper
commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -- crates tests/*.rs Cargo.lock)" ] || commit+=-dirty
status=0
cargo test --locked -p integration-tests --test leaks -- --nocapture || status=$?
sed "s/^{/{\"date\":\"$(date -u +%FT%TZ)\",\"commit\":\"$commit\",\"passed\":$([ $status -eq 0 ] && echo true || echo false),/" \
    "$LEAK_LEDGER" | tee -a tests/LEDGER.jsonl
exit "$status"
