#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checks what build.sh made:  check.sh DIR [PART...]
#
#   lintian        clean of errors and warnings; overrides have reasons
#   unit           systemd-analyze: the unit is understood, its exposure below the threshold
#   sbom           the bills of materials are true
#   reproducible   the same bytes from another directory, time zone, locale and umask, compiled anew
#   life           in a minimal Debian: install, sync, upgrade, downgrade, remove, purge; a stranger's plugin
#   boot           the service under a real systemd, in a container
#   piuparts       install, upgrade, purge by the distribution's own tool
#   autopkgtest    debian/tests in a chroot
# Without PART: all of them; `quick`: the first four. A part that cannot run here is skipped, loudly; alone it exits with 77.
# As root it installs the tools that it lacks. PREVIOUS: packages to upgrade from (default: tests/packaging/deb/previous.sh
# builds them). EASGATE_CACHE, DEB_MIRROR, SUITE: see tests/packaging/deb/rig.sh.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '3,17p' "$0" >&2; exit 64; }
H=$(dirname "$(realpath "$0")"); T=$H/../../tests/packaging/deb; D=$(realpath "$1"); shift
# shellcheck source=need.sh
. "$H/need.sh"
# shellcheck source=../../tests/packaging/deb/rig.sh
. "$T/rig.sh"
W=$(mktemp -d)
finish() { ! mountpoint -q "$W/root/proc" || umount "$W/root/proc"; rm -rf --one-file-system "$W"; }
trap finish EXIT
tools() { [ "$(id -u)" != 0 ] || need "$@" > /dev/null 2>&1 || true; }

part_lintian() {
  tools lintian; command -v lintian > /dev/null || skip "no lintian"
  local a=(); [ "$(id -u)" != 0 ] || a=(--allow-root)
  lintian "${a[@]}" -EI --fail-on error,warning,info --suppress-tags initial-upload-closes-no-bugs "$D"/easgate_*.changes > "$W/lintian"
  local code=$?
  grep -vE '^(X:|N:)' "$W/lintian"; [ $code = 0 ] || exit 1
  echo "$(grep -c '^X:' "$W/lintian") experimental notes, nothing else"
}

part_unit() {
  tools systemd; command -v systemd-analyze > /dev/null || skip "no systemd-analyze"
  local unit=$H/../systemd/easgate.service
  # 20: an exposure of 2.0 of 10
  systemd-analyze security --offline=true --no-pager --threshold="${THRESHOLD:-20}" "$unit" > "$W/security" || { cat "$W/security"; exit 1; }
  tail -1 "$W/security" | sed 's/[^ -~]//g'
  systemd-analyze verify --man=no "$unit" 2>&1 | grep -v 'is not executable' > "$W/verify"
  [ ! -s "$W/verify" ] || { cat "$W/verify"; exit 1; }
}

part_sbom() { python3 "$T/sbom.py" "$D"; }

part_reproducible() {
  mkdir -m 700 "$W/again dir"
  local tz=Pacific/Kiritimati f bad=0
  (umask 027; export TZ=$tz LC_ALL=C LANG=de_DE.UTF-8 TMPDIR="$W/again dir" CCACHE=0; bash "$H/build.sh" "$W/out") || exit 1
  for f in "$D"/*.deb "$D"/*.dsc "$D"/*.tar.xz; do
    cmp "$f" "$W/out/$(basename "$f")" && continue
    bad=1; ! command -v diffoscope > /dev/null || diffoscope --text - "$f" "$W/out/$(basename "$f")" | head -60
  done
  [ $bad = 0 ] || exit 1
  (cd "$D" && sha256sum -- *.deb)
}

previous() { # the directory of the packages to upgrade from
  [ -n "${PREVIOUS:-}" ] || { PREVIOUS=$W/previous; bash "$T/previous.sh" "$PREVIOUS" || exit 1; }
}
part_life() { tools mmdebstrap sqlite3; rig_need sqlite3; previous; bash "$T/life.sh" "$D" "$PREVIOUS"; }
part_boot() { tools mmdebstrap systemd-container; bash "$T/boot.sh" "$D"; }

part_piuparts() {
  tools piuparts mmdebstrap; rig_need piuparts; rig_base
  mapfile -t d < <(debs "$D")
  # what systemd itself leaves behind is not ours
  piuparts -b "$base" -d "$suite" --mirror "$mirror main" --tmpdir "$W" -I '/\.ssh(/|$)' -I '^/var/(cache|lib|log)/private' \
    -I '^/var/lib/systemd/' "${d[@]}" > "$W/piuparts" 2>&1 || { grep -A12 -E 'ERROR|FAIL' "$W/piuparts" || tail -30 "$W/piuparts"; exit 1; }
  grep -E 'INFO: PASS|INFO: Can.t test' "$W/piuparts" | sed 's/^[0-9.m ]*s* //'
}

part_autopkgtest() {
  tools autopkgtest mmdebstrap; rig_need autopkgtest; rig_base
  mkdir "$W/root"; tar -C "$W/root" -xf "$base"
  # without /proc systemd-tmpfiles does nothing and the state directory is missing; autopkgtest's chroot doesn't mount it
  mount -t proc proc "$W/root/proc"
  # autopkgtest wants apt-utils; piuparts must not have it (it leaves /var/cache/debconf/tmp.ci behind)
  { chroot "$W/root" apt-get -qq update && chroot "$W/root" apt-get -qq install --no-install-recommends apt-utils; } > "$W/adt.log" 2>&1 || { tail -5 "$W/adt.log"; exit 1; }
  dpkg-source -x "$D"/easgate_*.dsc "$W/src" > /dev/null
  mapfile -t d < <(debs "$D")
  autopkgtest "$W/src/" "${d[@]}" --no-built-binaries -- chroot "$W/root" > "$W/adt.log" 2>&1 || { tail -60 "$W/adt.log"; exit 1; }
  sed -n '/@@@ summary/,$p' "$W/adt.log" | grep -E 'PASS|FAIL|SKIP'
}

all=(lintian unit sbom reproducible life boot piuparts autopkgtest)
parts=("$@")
[ ${#parts[@]} != 0 ] || parts=("${all[@]}")
[ "${parts[*]}" != quick ] || parts=("${all[@]:0:4}")
failed=0 skipped=0
for p in "${parts[@]}"; do
  declare -F "part_$p" > /dev/null || { echo "check: no part $p; there are: ${all[*]}" >&2; exit 64; }
  started=$SECONDS
  (part_$p)
  case $? in
    0) word=ok ;;
    77) word=SKIPPED; skipped=$((skipped + 1)) ;;
    *) word=FAILED; failed=$((failed + 1)) ;;
  esac
  printf 'check: %-13s %s, %d s\n' "$p" "$word" $((SECONDS - started))
done
[ $failed = 0 ] || exit 1
[ $skipped != ${#parts[@]} ] || exit 77
echo "check: ${#parts[@]} parts, $skipped skipped"
