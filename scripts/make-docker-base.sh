#!/bin/sh
# Makes sure that the image debian:bookworm-slim is there, also where no image registry can be reached.
#
# Three ways, the cheapest first: the image is there already; it can be pulled; it is made with debootstrap
# from the Debian mirror that this machine itself installs packages from. In the last case what this machine
# needs to reach its mirror (sources, proxy, certificate authorities) goes into the image too, so that
# `apt-get install` in a Dockerfile works wherever it works here. Nothing of it goes into the repository.
#
# Usage: scripts/make-docker-base.sh [--no-pull]
# DEBIAN_MIRROR=URL overrides the mirror.
set -eu

image=debian:bookworm-slim
suite=bookworm
pull_seconds=30

say() { printf '%s\n' "make-docker-base: $*" >&2; }
die() {
    say "$*"
    exit 1
}

pull=yes
case "${1-}" in
'') ;;
--no-pull) pull=no ;;
*) die "usage: $0 [--no-pull]" ;;
esac

docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || die "no Docker engine answers"

if docker image inspect "$image" >/dev/null 2>&1; then
    say "$image is there"
    exit 0
fi

if [ "$pull" = yes ]; then
    say "pulling $image"
    if timeout "$pull_seconds" docker pull --quiet "$image" >/dev/null 2>&1; then
        say "$image has been pulled"
        exit 0
    fi
    say "$image cannot be pulled; making it from packages"
fi

[ "$(id -u)" = 0 ] || die "debootstrap needs root: run this with sudo"
if ! command -v debootstrap >/dev/null; then
    command -v apt-get >/dev/null || die "debootstrap is missing: install it by hand"
    say "installing debootstrap"
    apt-get update -qq || say "the package lists could not be updated; trying with the old ones"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends debootstrap >/dev/null ||
        die "apt-get could not install debootstrap"
fi

# What apt of this machine knows of Debian itself: archive, code name and label of each source, nothing of
# third parties. The format's dollar signs are apt's.
debian_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk -v suite="$suite" '$3 ~ /^Debian/ && index($2, suite) == 1 { print $1, $2 }' | sort -u
}
sources=$(debian_sources)
mirror=${DEBIAN_MIRROR-$(printf '%s\n' "$sources" | awk -v suite="$suite" '$2 == suite { print $1; exit }')}
[ -n "$mirror" ] || die "apt of this machine knows no mirror of $suite: run apt-get update, or set DEBIAN_MIRROR"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root

say "debootstrap of $suite, a minute or two"
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    die "debootstrap failed"
}

# The same sources, proxy and certificate authorities as here.
{
    printf 'deb %s %s main\n' "$mirror" "$suite"
    printf '%s\n' "$sources" | awk -v suite="$suite" 'NF == 2 && $2 != suite { print "deb", $1, $2, "main" }'
} >"$root/etc/apt/sources.list"
apt-config dump | grep -iE '^Acquire::https?::Proxy' >"$root/etc/apt/apt.conf.d/90proxy" || true
set -- /usr/local/share/ca-certificates/*.crt
if [ -e "$1" ]; then
    cp "$@" "$root/usr/local/share/ca-certificates/"
    chroot "$root" update-ca-certificates >/dev/null 2>&1
fi

# What makes "slim" slim.
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/*
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/man" "$root/usr/share/info" -type f -delete
find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name 'en*' -exec rm -rf {} +
printf 'path-exclude %s\n' '/usr/share/man/*' '/usr/share/locale/*' >"$root/etc/dpkg/dpkg.cfg.d/slim"

tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$image" >/dev/null
say "$image has been made"
