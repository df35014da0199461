#!/usr/bin/env bash
# Runs the fuzz targets for long, two at a time, and adds what came of it to a ledger (fuzz/LEDGER.jsonl).
#
# Usage: scripts/fuzz-soak.sh [--help] [seconds for each target (default 3600)] [target...]
#
# Without targets it runs all of fuzz/fuzz_targets. What a run has learnt (its corpus) is kept in fuzz/target, beside the small
# corpora of the repository, and the next run begins with it. Inputs that fail are kept in fuzz/artifacts/TARGET: run one again
# with `cargo fuzz run --features libfuzzer TARGET FILE`, and put it into fuzz/corpus/TARGET once it is fixed.
# LEDGER names another ledger (/dev/null for none), JOBS says how many targets run at a time (default 2), TOOLCHAIN which toolchain builds them (default nightly if there is one,
# or else the usual one). Ends with 1 if anything was found.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/target/tools/bin:$PATH"
export CARGO_TERM_COLOR=never

usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" | sed '$d'
    exit "$1"
}
die() {
    printf 'fuzz-soak: %s\n' "$*" >&2
    exit 2
}

case ${1-} in -h | --help) usage 0 ;; esac
seconds=${1:-3600}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "${seconds@Q} is no number of seconds; see --help"
[ $# -eq 0 ] || shift
targets=("$@")
if [ $# -eq 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi
for target in "${targets[@]}"; do
    [ -f "fuzz/fuzz_targets/$target.rs" ] || die "there is no target ${target@Q}; there are: $(ls fuzz/fuzz_targets)"
done
cargo fuzz --version >/dev/null 2>&1 || die "cargo-fuzz is missing: scripts/install-deps.sh cargo-tools"

# cargo-fuzz needs the compiler's unstable flags: a nightly, or a stable that is told to take them.
toolchain=${TOOLCHAIN:+"+$TOOLCHAIN"}
if [ -z "$toolchain" ] && cargo +nightly --version >/dev/null 2>&1; then toolchain=+nightly; fi
case $toolchain in *nightly*) ;; *) export RUSTC_BOOTSTRAP=1 ;; esac
# With link-time optimisation each of the eight programs takes minutes to build; and without a line of unsafe code here the address
# sanitizer would find nothing but cost half of the executions.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
# shellcheck disable=SC2086  # no toolchain is no argument
fuzz() { cargo $toolchain fuzz "$1" --sanitizer none --features libfuzzer "${@:2}"; }
ledger=${LEDGER:-fuzz/LEDGER.jsonl}

commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -- crates fuzz/src Cargo.lock)" ] || commit+=-dirty
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

printf 'building\n'
# All at once, so that they are compiled beside each other.
fuzz build >"$logs/build" 2>&1 || { cat "$logs/build"; exit 2; }

# soak TARGET: one run, its output in a file, and a line in the ledger.
soak() {
    local target=$1 log=$logs/$1 learnt=fuzz/target/soak/$1 before after begun
    mkdir -p "$learnt" "fuzz/artifacts/$target"
    before=$(find "fuzz/artifacts/$target" -type f | wc -l)
    begun=$SECONDS
    printf '%s: begins\n' "$target"
    fuzz run "$target" "$learnt" "fuzz/corpus/$target" -- -max_total_time="$seconds" \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1 || true
    after=$(find "fuzz/artifacts/$target" -type f | wc -l)
    # The last line of progress has the coverage, the statistics are at the end; a run that failed has not always both.
    local executions edges features
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    [ -n "$executions" ] || executions=$(sed -n 's/^#\([0-9]*\)\t.*/\1/p' "$log" | tail -1)
    edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    features=$(sed -n 's/^#.* ft: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    local took=$((SECONDS - begun))
    [ -n "$executions" ] || { printf '%s: did not run\n' "$target" >&2; tail -n 20 "$log" >&2; return 1; }
    # One write, so that lines of two runs that end together do not mix.
    printf '{"date":"%s","commit":"%s","target":"%s","seconds":%d,"executions":%d,"executions_per_second":%d,"edges":%d,"features":%d,"findings":%d}\n' \
        "$(date -u +%FT%TZ)" "$commit" "$target" "$took" "$executions" "$((executions / (took > 0 ? took : 1)))" \
        "${edges:-0}" "${features:-0}" "$((after - before))" | tee "$logs/$target.json" >>"$ledger"
    printf '%s: %d executions in %d s, %d edges, %d findings\n' "$target" "$executions" "$took" "${edges:-0}" "$((after - before))"
    if [ "$after" -gt "$before" ]; then
        grep -m 3 -e 'panicked at' -e 'ERROR' -e 'SUMMARY' -A 1 "$log" | sed "s/^/$target:   /" || true
    fi
}

# progress: a line for each target that runs, once a minute.
progress() {
    while sleep 60; do
        for target in "${targets[@]}"; do
            [ -f "$logs/$target.json" ] || [ ! -f "$logs/$target" ] ||
                printf '%s: %s\n' "$target" "$(grep '^#' "$logs/$target" | tail -1 | cut -c 1-100)"
        done
    done
}
progress &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true; rm -rf "$logs"' EXIT

for target in "${targets[@]}"; do
    while [ "$(jobs -rp | grep -cvx "$watcher")" -ge "${JOBS:-2}" ]; do wait -n || true; done
    soak "$target" &
done
while [ "$(jobs -rp | grep -cvx "$watcher")" -gt 0 ]; do wait -n || true; done

printf '\n%-20s %12s %8s %7s %9s %9s\n' target executions 'per s' edges features findings
findings=0
for target in "${targets[@]}"; do
    [ -f "$logs/$target.json" ] || { printf '%-20s %12s\n' "$target" 'did not run'; findings=$((findings + 1)); continue; }
    field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$logs/$target.json"; }
    printf '%-20s %12d %8d %7d %9d %9d\n' "$target" "$(field executions)" "$(field executions_per_second)" \
        "$(field edges)" "$(field features)" "$(field findings)"
    findings=$((findings + $(field findings)))
done
[ "$findings" -eq 0 ]
