#!/bin/sh
# Installs what the tests need and is missing (Java, ZooKeeper's jars, a Python with Patroni), then runs all tests.
# Arguments go to `cargo test`: scripts/test.sh -p dcs-zk
set -eu
cd "$(dirname "$0")/.."
scripts/install-deps.sh zookeeper python
[ $# -gt 0 ] || set -- --workspace
exec cargo test --locked "$@"
