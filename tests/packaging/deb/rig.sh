# SPDX-License-Identifier: Apache-2.0
# Sourced: a minimal Debian in a directory, made once and kept, for tests of the installed packages.
#
#   EASGATE_CACHE   where the base and the archive's packages are kept (default: ~/.cache/easgate-deb)
#   DEB_MIRROR      the archive (default: what the host's own apt uses);  SUITE (bookworm)
cache=${EASGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/easgate-deb}
suite=${SUITE:-bookworm}
base=$cache/$suite-minbase.tar.gz

say() { printf '%s %s: %s\n' "$(date +%T)" "$(basename "$0" .sh)" "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
skip() { echo "SKIP: $*"; exit 77; }

# rig_need TOOL...: root, mounts and programs, or a skip that says which
rig_need() {
    local t
    [ "$(id -u)" = 0 ] || skip "a chroot needs root"
    for t in "$@" mmdebstrap unshare; do
        command -v "$t" > /dev/null || skip "no $t"
    done
    unshare -m mount -t tmpfs none /mnt 2> /dev/null || skip "no mounts here"
}

rig_mirror() {
    mirror=${DEB_MIRROR:-$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2> /dev/null |
        sed -n 's/^Debian|//p' | awk 'NR == 1')}
    [ -n "$mirror" ] || skip "no archive known; set DEB_MIRROR"
}

# The base is two weeks old at most.
rig_base() {
    rig_mirror
    mkdir -p "$cache/archives/partial"
    [ -z "$(find "$base" -mtime -14 2> /dev/null)" ] || return 0
    say "making the base"
    mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates "$suite" "$cache/new.$$.tar.gz" "$mirror" ||
        skip "mmdebstrap cannot make a base from $mirror"
    mv "$cache/new.$$.tar.gz" "$base"
}

# rig_new DIR: with /proc, the network's names and the kept packages
rig_new() {
    mkdir -p "$1"
    tar -C "$1" -xf "$base"
    rm -f "$1/etc/resolv.conf"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    grep -q localhost "$1/etc/hosts" 2> /dev/null || echo '127.0.0.1 localhost' > "$1/etc/hosts"
    echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/throw-away" # it need not survive a power cut
    mount -t proc proc "$1/proc"
    mount --bind "$cache/archives" "$1/var/cache/apt/archives"
    rig_in "$1" apt-get -qq update
}
rig_in() {
    local dir=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TZ=UTC HOME=/root DEBIAN_FRONTEND=noninteractive chroot "$dir" "$@"
}
rig_unmount() {
    local m
    for m in "$1/var/cache/apt/archives" "$1/proc"; do
        ! mountpoint -q "$m" || umount "$m"
    done
}
rig_drop() {
    [ -n "${KEEP:-}" ] || { rig_unmount "$1" && rm -rf --one-file-system "$1"; }
}

# rig_lab PROGRAM DIR: the simulated organisation, on free ports of loopback; ends with this shell
rig_lab() {
    local line
    mkfifo "$2.ready"
    "$1" --dir "$2" --devices 100 --parent $$ > "$2.ready" &
    lab=$!
    read -r line < "$2.ready" || die "the lab did not start"
    say "${line%%;*}"
}

# rig_org LAB-DIR ROOT PASSWORD CERTIFICATE: the lab's organisation as an administrator would write it there
rig_org() {
    mkdir -p "$2/etc/easgate/orgs.d"
    install -m 644 "$1/ca.pem" "$2/etc/easgate/ca.pem"
    sed -e "s|\"file:$1/exchange.password\"|\"$3\"|; s|\"file:$1/graph.pem\"|\"$4\"|; s|$1/ca.pem|/etc/easgate/ca.pem|" \
        "$1/etc/orgs.d/contoso.yaml" > "$2/etc/easgate/orgs.d/contoso.yaml"
    ! grep -qF "$1" "$2/etc/easgate/orgs.d/contoso.yaml" || die "the organisation's file names the lab's directory"
}

# debs DIR: the packages to install, without those of debug symbols
debs() { find "$1" -maxdepth 1 -name '*.deb' -not -name '*-dbgsym_*' | sort; }
