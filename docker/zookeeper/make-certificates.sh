#!/bin/bash
# Makes a certificate authority, a server's and a client's certificate in /certs, for demonstrations only.
#
#   ca.pem      the authority's certificate, for both sides to trust
#   server.pem  the server's key (PKCS#8) and certificate, as ZooKeeper's PEM key store wants them
#   client.pem  the client's certificate (CN=client), and client.key its key
#
# Runs as root, once: client.key is given to whoever owns the directory on the host, server.pem to the server's
# user. The authority's own key is not kept. Arguments are more host names for the server.
set -euo pipefail
umask 077
cd /certs

if [[ -s client.key && -s client.pem && -s server.pem && -s ca.pem ]] &&
    openssl x509 -in server.pem -noout -checkend 86400 >/dev/null; then
    printf 'the certificates in /certs are still good\n'
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

names=DNS:localhost,IP:127.0.0.1
for name in "$@"; do
    names+=,DNS:$name
done

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# issue NAME SUBJECT USAGE [EXTENSION]
issue() {
    key "$work/$1.key"
    openssl req -new -key "$work/$1.key" -subj "$2" -out "$work/$1.csr"
    printf '%s\n' basicConstraints=critical,CA:false keyUsage=critical,digitalSignature "extendedKeyUsage=$3" "${@:4}" \
        >"$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 365 \
        -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
}

key "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -days 365 -subj '/CN=demonstration authority' -out "$work/ca.pem" \
    -addext keyUsage=critical,keyCertSign
issue server '/CN=server' serverAuth "subjectAltName=$names"
issue client '/CN=client' clientAuth

install -m 0644 "$work/ca.pem" "$work/client.pem" .
install -m 0600 --owner=zookeeper /dev/null server.pem
cat "$work/server.key" "$work/server.pem" >server.pem
install -m 0600 "$work/client.key" .
chown --reference=. ca.pem client.pem client.key
printf 'made certificates for %s\n' "$names"
