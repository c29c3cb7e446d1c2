#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checks what build.sh made:  check.sh DIR [quick]
#
#   quick (some 12 s): lintian, hardening of the unit, the same bytes from another directory, time zone and umask
#   else also: piuparts (install, upgrade, purge leave nothing) and autopkgtest in a chroot; both need root
# Options: DEB_MIRROR (default: what the host's own apt uses), EASGATE_CACHE (base chroot is kept there), SUITE (bookworm)
# Needs: lintian systemd; piuparts autopkgtest mmdebstrap
set -euo pipefail
[ $# -ge 1 ] || { sed -n '3,8p' "$0" >&2; exit 64; }
H=$(dirname "$(realpath "$0")"); D=$(realpath "$1"); W=$(mktemp -d); trap '[ ! -e "$W/adt/proc/1" ] || umount "$W/adt/proc"; rm -rf --one-file-system "$W"' EXIT
say(){ printf '%s check: %s\n' "$(date +%T)" "$*"; }

A=(); [ "$(id -u)" != 0 ] || A=(--allow-root)
lintian "${A[@]}" -EI --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$D"/easgate_*.changes > "$W/lintian" || { cat "$W/lintian"; exit 1; }
grep -E '^[IWE]:' "$W/lintian" || true; say "lintian ok"

systemd-analyze security --offline=true --no-pager --threshold="${THRESHOLD:-20}" "$H/../systemd/easgate.service" | tail -1
systemd-analyze verify --man=no "$H/../systemd/easgate.service" 2>&1 | grep -v 'is not executable' || true
say "unit ok"

mkdir -m 700 "$W/again"
(umask 027; TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 TMPDIR=$W/again "$H/build.sh" "$W/again/out")
for f in "$D"/*.deb "$D"/*.dsc "$D"/*.tar.xz; do cmp "$f" "$W/again/out/$(basename "$f")"; done; say "reproducible"
[ "${2:-}" != quick ] || exit 0

[ "$(id -u)" = 0 ] || { say "SKIPPED piuparts, autopkgtest: not root"; exit 0; }
SUITE=${SUITE:-bookworm}; CACHE=${EASGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/easgate-deb}; mkdir -p "$CACHE"
M=${DEB_MIRROR:-$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|//p' | awk 'NR == 1')}
[ -n "$M" ] || { say "SKIPPED piuparts, autopkgtest: no archive known, set DEB_MIRROR"; exit 0; }
B=$CACHE/$SUITE-base.tar.gz
if [ -z "$(find "$B" -mtime -14 2>/dev/null)" ]; then     # two weeks old at most
  mmdebstrap --quiet --mode=root --variant=buildd --include=ca-certificates "$SUITE" "$CACHE/new.tar.gz" "$M"
  mv "$CACHE/new.tar.gz" "$B"; say "base chroot made"
fi
mapfile -t DEBS < <(find "$D" -maxdepth 1 -name '*.deb' -not -name '*-dbgsym_*' | sort)
# what systemd itself leaves behind is not ours
piuparts -b "$B" -d "$SUITE" --mirror "$M main" --tmpdir "$W" -I '/\.ssh(/|$)' -I '^/var/(cache|lib|log)/private' -I '^/var/lib/systemd/' \
  "${DEBS[@]}" > "$W/piuparts" 2>&1 || { grep -A12 -E 'ERROR|FAIL' "$W/piuparts" || tail -30 "$W/piuparts"; exit 1; }
say "piuparts ok"
mkdir "$W/adt"; tar -C "$W/adt" -xf "$B"
# without /proc systemd-tmpfiles does nothing and the state directory is missing; autopkgtest's chroot doesn't mount it
mount -t proc proc "$W/adt/proc"
# autopkgtest wants apt-utils; piuparts must not have it (it leaves /var/cache/debconf/tmp.ci behind)
{ chroot "$W/adt" apt-get -qq update && chroot "$W/adt" apt-get -qq install --no-install-recommends apt-utils; } > "$W/adt.log" 2>&1 || { tail -5 "$W/adt.log"; exit 1; }
dpkg-source -x "$D"/easgate_*.dsc "$W/src" > /dev/null
autopkgtest "$W/src/" "${DEBS[@]}" --no-built-binaries -- chroot "$W/adt" > "$W/adt.log" 2>&1 || { tail -60 "$W/adt.log"; exit 1; }
sed -n '/@@@ summary/,$p' "$W/adt.log" | grep -E 'PASS|FAIL|SKIP'; say "autopkgtest ok"
