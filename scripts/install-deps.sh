#!/bin/sh
# Installs what building, testing and trying this workspace needs and is not there yet. Can be run again at any
# time; does nothing, quickly, when all is there.
#
# Usage: scripts/install-deps.sh [zookeeper] [python] [zookeeper-3.4] [kerberos] [cargo-tools] [peers] [all]
#
#   zookeeper    Java and ZooKeeper's jars, for zk-testkit: Debian packages. Not wanted when ZOOKEEPER_HOME is set
#   python       .venv with Patroni, kazoo, SASL and the PostgreSQL driver, for comparing with them.
#                PYTHON names another interpreter than python3
#   zookeeper-3.4  a server of 2014 (3.4.6), in target/tools, for tests of what old servers do not know. It comes out of
#                the Python package pyspark, which has its jars: 220 MB to fetch. Not wanted when ZOOKEEPER_34_HOME is set
#   kerberos     what the feature gssapi is built with (libkrb5, libclang), and MIT's KDC for its test: Debian packages.
#                The KDC of the machine is not set up: tests start their own
#   cargo-tools  cargo-deny and cargo-fuzz, in target/tools/bin unless they are in PATH
#   peers        what the C and Java clients are built with, for comparing with them in benches/: a C compiler, a JDK and
#                ZooKeeper's libraries: Debian packages. No part of all: no build and no test needs it
#   all          all of these but peers (the default)
set -eu
cd "$(dirname "$0")/.."

packages='default-jre-headless libzookeeper-java libslf4j-java libnetty-java libsnappy-java'
jars='zookeeper slf4j-simple netty-common netty-buffer netty-codec netty-handler netty-resolver netty-transport'
patroni=4.1.5
python=${PYTHON:-python3}

say() { printf 'install-deps: %s\n' "$*"; }
die() {
    printf 'install-deps: %s\n' "$*" >&2
    exit 1
}
usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
    exit "$1"
}
have() { command -v "$1" >/dev/null 2>&1; }

# apt_install WHAT PACKAGE...: with root's rights, or a clear word on what to do by hand.
apt_install() {
    what=$1
    shift
    have apt-get || die "this is no Debian-like machine: install $what by hand (Debian's packages are: $*)"
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif have sudo; then
        sudo=sudo
    else
        die "neither root nor sudo: have someone run apt-get install --no-install-recommends $*"
    fi
    say "installing $*"
    $sudo apt-get update -qq || say "the package lists could not be updated; trying with the old ones"
    # Java's package wants this directory, which slim images lack.
    $sudo mkdir -p /usr/share/man/man1
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@" >/dev/null ||
        die "apt-get could not install: $*"
}

java_is_there() {
    if [ -n "${JAVA_HOME-}" ]; then [ -x "$JAVA_HOME/bin/java" ]; else have java; fi
}

jars_are_there() {
    for jar in $jars; do
        [ -e "/usr/share/java/$jar.jar" ] || return 1
    done
}

install_zookeeper() {
    if [ -n "${ZOOKEEPER_HOME-}" ]; then
        [ -d "$ZOOKEEPER_HOME/lib" ] || die "ZOOKEEPER_HOME is set, but $ZOOKEEPER_HOME/lib is no directory"
        java_is_there || apt_install "a Java runtime" default-jre-headless
    elif ! java_is_there || ! jars_are_there; then
        # The list has no spaces within its words.
        # shellcheck disable=SC2086
        apt_install "Java and ZooKeeper (and set JAVA_HOME and ZOOKEEPER_HOME)" $packages
    fi
    java_is_there || die "there is still no java: is JAVA_HOME=${JAVA_HOME-} right?"
    say "zookeeper: ready"
}

venv_is_ready() {
    [ -x .venv/bin/python ] && .venv/bin/python - "$patroni" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version
for name in ("kazoo", "psycopg", "psycopg-binary", "pure-sasl"):
    version(name)
sys.exit(version("patroni") != sys.argv[1])
PY
}

install_python() {
    if ! venv_is_ready; then
        have "$python" || apt_install "Python 3 with venv" python3 python3-venv
        # Debian keeps the part of venv that brings pip in a package of its own.
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            apt_install "the venv and ensurepip modules of $python" python3-venv
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                die "$python still has no ensurepip: set PYTHON to an interpreter that has, such as /usr/bin/python3"
        fi
        say "making .venv"
        [ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
        .venv/bin/pip install --quiet --disable-pip-version-check \
            "patroni[zookeeper]==$patroni" 'psycopg[binary]' pure-sasl || die "pip could not fill .venv"
        venv_is_ready || die ".venv lacks something; remove it and run this again"
    fi
    say "python: ready in .venv"
}

# pyspark_jars VERSION DIRECTORY PATTERN...: the jars of that release whose names match. The archive is for Python of its
# day: with a newer pypandoc pip cannot read its metadata, which it does although nothing is installed.
pyspark_jars() {
    version=$1 into=$2
    shift 2
    install_python
    fetched=$(mktemp -d)
    say "fetching pyspark $version for its jars"
    echo 'pypandoc<1.8' >"$fetched/constraints"
    PIP_CONSTRAINT=$fetched/constraints .venv/bin/pip download --quiet --disable-pip-version-check --no-deps \
        --no-binary :all: --dest "$fetched" "pyspark==$version" || {
        rm -r "$fetched"
        die "pip could not fetch pyspark $version"
    }
    mkdir -p "$into.part"
    tar xzf "$fetched/pyspark-$version.tar.gz" --strip-components=3 -C "$into.part" --wildcards "$@"
    rm -r "$fetched"
    mv "$into.part" "$into"
}

install_zookeeper_34() {
    [ -n "${ZOOKEEPER_34_HOME-}" ] || [ -d target/tools/zookeeper-3.4 ] ||
        pyspark_jars 2.4.8 target/tools/zookeeper-3.4 '*/deps/jars/zookeeper-*' '*/deps/jars/log4j-1*' \
            '*/deps/jars/slf4j-*' '*/deps/jars/netty-3*'
    say "zookeeper-3.4: ready"
}

# A program that only administrators may have in PATH.
have_sbin() { have "$1" || [ -x "/usr/sbin/$1" ]; }

libclang_is_there() {
    [ -z "${LIBCLANG_PATH-}" ] || return 0
    # Without a version in its name it comes with its headers.
    for library in /usr/lib/llvm-*/lib/libclang.so /usr/lib/*/libclang.so /usr/lib64/libclang.so /usr/lib/libclang.so; do
        [ ! -e "$library" ] || return 0
    done
    return 1
}

kerberos_is_there() {
    have krb5-config && libclang_is_there && have kinit && have_sbin krb5kdc && have_sbin kadmin.local
}

install_kerberos() {
    kerberos_is_there ||
        apt_install "MIT Kerberos with its KDC and headers, and libclang" \
            libkrb5-dev libclang-dev krb5-kdc krb5-admin-server krb5-user
    kerberos_is_there || die "there is still no krb5-config, libclang, kinit, krb5kdc or kadmin.local"
    say "kerberos: ready"
}

install_cargo_tools() {
    for tool in cargo-deny cargo-fuzz; do
        if ! have "$tool" && [ ! -x "target/tools/bin/$tool" ]; then
            have cargo || die "there is no cargo: install Rust first"
            say "compiling $tool, minutes"
            cargo install --quiet --locked --root target/tools "$tool" || die "cargo could not install $tool"
        fi
    done
    have cargo-deny && have cargo-fuzz || where=' in target/tools/bin: put that in PATH'
    say "cargo-tools: ready${where-}"
}

peers_are_there() {
    have cc && have javac && [ -e /usr/include/zookeeper/zookeeper.h ] && [ -e /usr/include/stdio.h ] &&
        [ -e /usr/share/java/zookeeper.jar ] && [ -e /usr/share/java/slf4j-nop.jar ]
}

install_peers() {
    peers_are_there ||
        apt_install "a C compiler, a JDK and ZooKeeper's C and Java clients" \
            gcc libc6-dev libzookeeper-mt-dev default-jdk-headless libzookeeper-java libslf4j-java
    peers_are_there || die "there is still no cc, no javac, or no ZooKeeper client for one of them"
    say "peers: ready"
}

[ $# -gt 0 ] || set -- all
for part; do
    case $part in
    zookeeper | python | zookeeper-3.4 | kerberos | cargo-tools | peers | all) ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
    esac
done
for part; do
    case $part in
    zookeeper) install_zookeeper ;;
    python) install_python ;;
    zookeeper-3.4) install_zookeeper_34 ;;
    kerberos) install_kerberos ;;
    cargo-tools) install_cargo_tools ;;
    peers) install_peers ;;
    all)
        install_zookeeper
        install_python
        install_zookeeper_34
        install_kerberos
        install_cargo_tools
        ;;
    esac
done
