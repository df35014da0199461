#!/usr/bin/env bash
# Shows that the checks can fail: builds mistakes into a scratch copy of what is committed, one at a time, and runs the check that
# is to find each. Fails if one is caught by nothing.
#   scripts/planted.sh               all of them
#   scripts/planted.sh NAME ...      these
#   scripts/planted.sh --rotate N    N of them: as commits follow each other, the next ones
#   scripts/planted.sh --list        their names, and what each plants
#
# The mistakes in crates/zk-proto/tests/simulation/planted are for the simulation, or else tests/session. Those in tests/planted
# name their check in a line `caught-by: PACKAGE TEST-FILE TEST`.
# PLANTED_SEEDS: how many seeds of the simulation each (1,000). PLANTED_TARGET: where to build; by default the usual target
# directory, so that dependencies are not built once more. They are the same ones only where cargo is told to select the same
# packages and features: PLANTED_SELECT (by default the package of the check alone).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=${PLANTED_TARGET:-$target} CARGO_TERM_COLOR=never RUST_BACKTRACE=0
export ZK_SIM_ALL=1 ZK_SIM_SEEDS=${PLANTED_SEEDS:-1000}
# In a scratch copy the tests would look in vain for what was installed beside the original.
export DCS_ZK_PYTHON=${DCS_ZK_PYTHON:-$root/.venv/bin/python}

declare -A patches
for patch in "$root"/crates/zk-proto/tests/simulation/planted/*.patch "$root"/tests/planted/*.patch; do
    patches[$(basename "$patch" .patch)]=$patch
done
mapfile -t all < <(printf '%s\n' "${!patches[@]}" | LC_ALL=C sort)
case ${1-} in
--list)
    for name in "${all[@]}"; do printf '%s: %s\n' "$name" "$(head -1 "${patches[$name]}")"; done
    exit
    ;;
--rotate)
    # Where history was cut off, commits cannot be counted; the time of the newest is another number each time.
    turn=$(git rev-list --count HEAD)
    [ "$(git rev-parse --is-shallow-repository)" = false ] || turn=$(git show -s --format=%ct HEAD)
    names=()
    for ((n = 0; n < ${2:?how many}; n++)); do names+=("${all[(turn * $2 + n) % ${#all[@]}]}"); done
    ;;
'') names=("${all[@]}") ;;
*) names=("$@") ;;
esac
for name in "${names[@]}"; do
    [ -n "${patches[$name]-}" ] || { echo "there is no mistake '$name'; see --list" >&2; exit 2; }
done

# Always the same place, and only what changed is written: what was built there before is still good.
scratch=$CARGO_TARGET_DIR/planted-copy
log=$CARGO_TARGET_DIR/planted.log
mkdir -p "$scratch"
GIT_INDEX_FILE=$scratch.index git --work-tree="$scratch" read-tree --reset -u HEAD
cd "$scratch"
for name in "${all[@]}"; do
    patch --dry-run --silent -p1 <"${patches[$name]}" || { echo "$name fits no more: plant it anew" >&2; exit 1; }
done

# check_of NAME: package, file and test that are to catch it.
check_of() {
    local line
    line=$(sed -n 's/^caught-by: //p' "${patches[$1]}")
    printf '%s' "${line:-zk-proto simulation every_seed_keeps_the_invariants}"
}
# run CHECK ...: 0 if it passes, 1 if a test fails; 2 if there is none, or it does not compile.
run() {
    local filter=()
    [ $# -lt 3 ] || filter=(-- --exact "$3")
    # shellcheck disable=SC2086  # words
    cargo test --locked ${PLANTED_SELECT:--p $1} --test "$2" "${filter[@]}" >"$log" 2>&1 && grep -q '^test result: ok. [1-9]' "$log" && return 0
    grep -q '^test .* FAILED$' "$log" && return 1
    tail -30 "$log" >&2
    return 2
}

mapfile -t checks < <(for name in "${names[@]}"; do check_of "$name"; echo; done | sort -u)
for check in "${checks[@]}"; do
    # shellcheck disable=SC2086  # words
    run $check || { tail -40 "$log"; echo "fails without any mistake: $check" >&2; exit 1; }
    echo "without a mistake nothing is found by: $check ($SECONDS s)"
done

uncaught=()
for name in "${names[@]}"; do
    patch --quiet -p1 <"${patches[$name]}"
    check=$(check_of "$name")
    # shellcheck disable=SC2086  # words
    if run $check; then caught=; else
        [ $? -eq 1 ] || { echo "$name: does not compile, or its check is not there" >&2; exit 1; }
        # A mistake that stops everything shows by what does not happen.
        found=$(grep -m1 -o 'violations in .*\|too little happened: [^:]*' "$log" || sed -n '/panicked at/{n;p;q}' "$log")
        caught="$check: ${found:0:160}"
    fi
    if [ -z "$caught" ] && [[ $check = *simulation* ]]; then
        run zk-proto session || caught="zk-proto session: $(grep -c '^test .*FAILED$' "$log") tests fail"
    fi
    patch --quiet -R -p1 <"${patches[$name]}"
    if [ -n "$caught" ]; then
        echo "$name: caught by $caught ($SECONDS s)"
    else
        echo "$name: NOT CAUGHT by $check"
        uncaught+=("$name")
    fi
done

if [ ${#uncaught[@]} -gt 0 ]; then
    echo "not caught: ${uncaught[*]}" >&2
    exit 1
fi
echo "all ${#names[@]} are caught"
