#!/bin/sh
# Installs what the tests need and is missing (Java, ZooKeeper's jars, those of an old ZooKeeper, a Python with Patroni,
# Kerberos), then runs all tests.
# Arguments go to `cargo test`, and then Kerberos is left out: scripts/test.sh -p dcs-zk, scripts/test.sh --workspace
set -eu
cd "$(dirname "$0")/.."
scripts/install-deps.sh zookeeper python zookeeper-3.4
if [ $# -eq 0 ]; then
    scripts/install-deps.sh kerberos
    # In one run with all the others: on its own, the feature's test would compile half of the dependencies once more.
    set -- --workspace --features integration-tests/gssapi
fi
# Most tests wait for servers most of the time: twice as many at a time as there are cores.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 2))}
export RUST_TEST_THREADS
exec cargo test --locked "$@"
