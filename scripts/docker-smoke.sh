#!/bin/bash
# Starts what docker-compose.yml describes, looks whether it works, and takes it down again.
#
#   1. three plain servers: one leads, two follow
#   2. the TLS server: answers a client with a certificate, and none without
#   3. the SASL server: is healthy
#   4. SMOKE_COMMAND, a shell command, run in the repository's root with these variables. By default dcsctl leads a scope
#      for a moment and lists it; SMOKE_COMMAND="" leaves it out:
#        SMOKE_HOSTS      the three plain servers, HOST:PORT,HOST:PORT,HOST:PORT
#        SMOKE_TLS_HOST   the TLS server; SMOKE_CERTS is the directory of ca.pem, client.pem and client.key
#        SMOKE_SASL_HOST  the SASL server; ZK_SASL_USER and ZK_SASL_PASSWORD are its DIGEST-MD5 user
#
# Without a Docker engine or Compose it says so and succeeds. SMOKE_PROFILES="" leaves out 2 and 3.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
"") ;;
-h | --help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" | sed '$d'; exit ;;
*) printf 'docker-smoke: takes no arguments; see --help\n' >&2; exit 2 ;;
esac

say() { printf 'docker-smoke: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

if ! timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then
    say "skipped: no Docker engine answers"
    exit 0
fi
if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
else
    say "skipped: there is no Docker Compose"
    exit 0
fi
compose+=(-p dcs-zk-smoke)

read -ra profiles <<<"${SMOKE_PROFILES-tls sasl}"
services=(zookeeper1 zookeeper2 zookeeper3)
for profile in "${profiles[@]}"; do
    compose+=(--profile "$profile")
    services+=("zookeeper-$profile")
done

export ZK_SASL_USER=${ZK_SASL_USER:-patroni} ZK_SASL_PASSWORD=${ZK_SASL_PASSWORD:-demonstration}
export SMOKE_HOSTS=127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183
export SMOKE_TLS_HOST=localhost:2281 SMOKE_SASL_HOST=127.0.0.1:2381 SMOKE_CERTS=$PWD/docker/certs

log=$(mktemp)
# Runs Compose quietly; what it says is shown only when it fails.
quietly() {
    "${compose[@]}" "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        die "failed: ${compose[*]} $*"
    }
}

cleanup() {
    status=$?
    trap - EXIT
    if [[ $status -ne 0 ]]; then
        "${compose[@]}" logs --tail=30 >&2 || true
    fi
    say "taking everything down"
    "${compose[@]}" down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || say "could not take everything down"
    rm -f "$log"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

scripts/make-docker-base.sh
say "building"
quietly build
say "starting ${services[*]}"
quietly up -d

health() { docker inspect --format '{{.State.Health.Status}}' "$("${compose[@]}" ps -q "$1" 2>/dev/null)" 2>/dev/null; }
for service in "${services[@]}"; do
    deadline=$((SECONDS + 120))
    until [[ $(health "$service") = healthy ]]; do
        ((SECONDS < deadline)) || die "$service is not healthy after two minutes"
        sleep 0.5
    done
done
say "all are healthy"

# mode PORT: what a server says of itself.
mode() {
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf srvr >&3
    timeout 5 cat <&3 | sed -n 's/^Mode: //p'
    exec 3>&-
}
modes=$(for port in 2181 2182 2183; do mode "$port"; done | sort | tr '\n' ' ')
[[ $modes = 'follower follower leader ' ]] || die "the three servers are: $modes"
say "plain: $modes"

# The word has to be held back from the end of input, on which s_client hangs up.
srvr_over_tls() {
    { printf srvr; sleep 1; } | timeout 10 openssl s_client -connect "$SMOKE_TLS_HOST" -CAfile "$SMOKE_CERTS/ca.pem" \
        -verify_return_error -verify_hostname localhost -quiet "$@" 2>/dev/null | grep '^Mode:'
}
if [[ " ${profiles[*]} " = *' tls '* ]]; then
    if ! command -v openssl >/dev/null; then
        say "TLS: not tried, there is no openssl here"
    else
        srvr_over_tls -cert "$SMOKE_CERTS/client.pem" -key "$SMOKE_CERTS/client.key" >/dev/null ||
            die "TLS: no answer to a client with a certificate"
        if srvr_over_tls >/dev/null; then
            die "TLS: an answer to a client without a certificate"
        fi
        say "TLS: answers clients with a certificate only"
    fi
fi

# An agent of dcsctl leads a scope for a moment, and dcsctl lists it.
dcsctl=(cargo run --quiet --package dcsctl --bin dcsctl --)
list() { "${dcsctl[@]}" list smoke -d "$SMOKE_HOSTS"; }
smoke() {
    cargo build --quiet --package dcsctl --bin dcsctl || return
    # cargo becomes the program that it runs, which ends in an orderly way at SIGTERM.
    timeout 30 "${dcsctl[@]}" agent --scope smoke --name smoke -d "$SMOKE_HOSTS" >/dev/null &
    local agent=$! status=0 deadline=$((SECONDS + 20))
    until list 2>/dev/null | grep -q Leader || ((SECONDS >= deadline)); do sleep 0.5; done
    list | tee "$log" || status=1
    grep -q Leader "$log" || status=1
    kill "$agent" 2>/dev/null || true
    wait "$agent" || true
    return "$status"
}
if [[ -z ${SMOKE_COMMAND+set} ]]; then
    say "running dcsctl list"
    smoke || die "failed: dcsctl list"
elif [[ -n $SMOKE_COMMAND ]]; then
    say "running $SMOKE_COMMAND"
    sh -c "$SMOKE_COMMAND" || die "failed: $SMOKE_COMMAND"
fi
say "passed"
