#!/usr/bin/env bash
# Shows that the simulation can fail: builds in the mistakes of crates/zk-proto/tests/simulation/planted, one at a time, in a
# scratch copy of what is committed, and runs the simulation against each. Fails if one is caught by nothing.
#   scripts/planted.sh               all of them
#   scripts/planted.sh NAME ...      these
#   scripts/planted.sh --rotate N    N of them, other ones each day
# PLANTED_SEEDS: how many seeds each (1,000). PLANTED_TARGET: where to build (target/planted).
set -euo pipefail
cd "$(dirname "$0")/.."
patches=$PWD/crates/zk-proto/tests/simulation/planted
seeds=${PLANTED_SEEDS:-1000}
export CARGO_TARGET_DIR=${PLANTED_TARGET:-$PWD/target/planted} CARGO_TERM_COLOR=never RUST_BACKTRACE=0

mapfile -t all < <(cd "$patches" && ls -- *.patch | sed 's/\.patch$//')
if [ "${1:-}" = --rotate ]; then
    start=$(($(date +%s) / 86400 * ${2:?how many}))
    names=()
    for ((n = 0; n < $2; n++)); do names+=("${all[(start + n) % ${#all[@]}]}"); done
elif [ $# -gt 0 ]; then
    names=("$@")
else
    names=("${all[@]}")
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git archive HEAD | tar -x -C "$scratch"
cd "$scratch"
log=$scratch/planted.log

run() { cargo test --locked --quiet -p zk-proto --test "$1" "${@:2}" >"$log" 2>&1; }

echo "without a mistake, $seeds seeds:"
if ! ZK_SIM_SEEDS=$seeds run simulation; then
    tail -40 "$log"
    exit 1
fi
echo "  nothing is found, as it must be"

uncaught=()
for name in "${names[@]}"; do
    patch --quiet -p1 <"$patches/$name.patch"
    if ! cargo build --locked --quiet -p zk-proto --lib >"$log" 2>&1; then
        tail -20 "$log"
        echo "$name: does not compile"
        exit 1
    fi
    if ! ZK_SIM_ALL=1 ZK_SIM_SEEDS=$seeds run simulation every_seed; then
        # A mistake that stops everything shows by what does not happen.
        found=$(grep -m1 -o 'violations in .*\|too little happened: [^:]*' "$log" || echo "the test fails: $(tail -1 "$log")")
        echo "$name: caught by the simulation, $found"
    elif ! run session; then
        echo "$name: caught by tests/session only: $(grep -c '^test .*FAILED\|^---- ' "$log" || true) tests"
    else
        echo "$name: NOT CAUGHT"
        uncaught+=("$name")
    fi
    patch --quiet -R -p1 <"$patches/$name.patch"
done

if [ ${#uncaught[@]} -gt 0 ]; then
    echo "not caught: ${uncaught[*]}" >&2
    exit 1
fi
echo "all ${#names[@]} are caught"
