#!/bin/bash
# Writes zoo.cfg and myid from the environment and becomes the server.
#
#   ZK_SERVERS        host names of all servers, separated by spaces; empty for a standalone server
#   ZK_ID             which of them this is, from 1                                        (1)
#   ZK_TICK_TIME      milliseconds                                                         (2000)
#   ZK_HEAP           heap of the Java process                                             (128m)
#   ZK_PLAIN_ADDRESS  where the plain port 2181 listens; 127.0.0.1 keeps it in the container (0.0.0.0)
#   ZK_TLS            yes: TLS on port 2281, with the files in /certs; clients need a certificate (no)
#   ZK_SASL_USER, ZK_SASL_PASSWORD
#                     a user for SASL DIGEST-MD5; with them, clients that do not authenticate are refused
#   ZK_EXTRA          more lines for zoo.cfg
set -euo pipefail
umask 077

home=/var/lib/zookeeper
jars=/usr/share/java
id=${ZK_ID:-1}
read -ra servers <<<"${ZK_SERVERS:-}"
java=(java "-Xmx${ZK_HEAP:-128m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1)
main=org.apache.zookeeper.server.ZooKeeperServerMain

# The manifest of zookeeper.jar names everything but a logger and the parts of netty.
class_path=$jars/zookeeper.jar:$jars/slf4j-simple.jar
for part in common buffer codec handler resolver transport transport-native-unix-common transport-native-epoll; do
    class_path+=:$jars/netty-$part.jar
done

config() { printf '%s\n' "$@" >>"$home/zoo.cfg"; }

mkdir -p "$home/data"
printf '%s\n' "$id" >"$home/data/myid"
: >"$home/zoo.cfg"
config "dataDir=$home/data" "tickTime=${ZK_TICK_TIME:-2000}" clientPort=2181 \
    "clientPortAddress=${ZK_PLAIN_ADDRESS:-0.0.0.0}" maxClientCnxns=0 admin.enableServer=false \
    4lw.commands.whitelist='*'

if [[ ${#servers[@]} -gt 1 ]]; then
    main=org.apache.zookeeper.server.quorum.QuorumPeerMain
    config initLimit=10 syncLimit=5
    for index in "${!servers[@]}"; do
        config "server.$((index + 1))=${servers[index]}:2888:3888"
    done
fi

if [[ ${ZK_TLS:-no} = yes ]]; then
    config secureClientPort=2281 \
        serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory \
        authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider \
        ssl.keyStore.type=PEM ssl.keyStore.location=/certs/server.pem \
        ssl.trustStore.type=PEM ssl.trustStore.location=/certs/ca.pem \
        ssl.clientAuth=need
fi

if [[ -n ${ZK_SASL_USER:-} ]]; then
    for value in "$ZK_SASL_USER" "${ZK_SASL_PASSWORD:?is needed with ZK_SASL_USER}"; do
        [[ $value != *[\"\\]* ]] || {
            printf 'ZK_SASL_USER and ZK_SASL_PASSWORD must not contain quotes or backslashes\n' >&2
            exit 1
        }
    done
    cat >"$home/jaas.conf" <<JAAS
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    "user_$ZK_SASL_USER"="$ZK_SASL_PASSWORD";
};
JAAS
    java+=("-Djava.security.auth.login.config=$home/jaas.conf")
    config authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider \
        enforce.auth.enabled=true enforce.auth.schemes=sasl
    # The server has no use for it beyond this file.
    unset ZK_SASL_PASSWORD
fi

if [[ -n ${ZK_EXTRA:-} ]]; then
    config "$ZK_EXTRA"
fi

exec "${java[@]}" -cp "$class_path" "$main" "$home/zoo.cfg"
