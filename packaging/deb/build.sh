#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds source and binary packages:  build.sh OUTDIR
#
#   SOURCE    the tree (default: the nearest CMakeLists.txt above)
#   VERSION   another version than the one at the head of debian/changelog, such as 0.1.0-1~old
#   JOBS      compilers at a time (default: all processors)
#   CCACHE=0  compile everything (default: through ccache, where there is one)
#
# debian/ lives beside this script, not at the top of the tree: it is copied into a temporary source tree. The upstream
# tarball is made from the files that git knows (or all files where there is no git), with fixed times and owners, so
# the same tree gives the same packages in any directory. The caller's tree is not touched.
# As root it installs what it lacks; else it says what that is.
set -euo pipefail
[ $# = 1 ] || { sed -n '3,8p' "$0" >&2; exit 64; }
H=$(dirname "$(realpath "$0")"); OUT=$(realpath -m "$1")
SRC=${SOURCE:-$H}; until [ -f "$SRC/CMakeLists.txt" ]; do SRC=$(dirname "$SRC"); done; SRC=$(realpath "$SRC")

# shellcheck source=need.sh
. "$H/need.sh"
need dpkg-dev build-essential fakeroot xz-utils
missing=$(cd "$H" && dpkg-checkbuilddeps debian/control 2>&1) || {
  echo "build: $missing"
  [ "$(id -u)" = 0 ] || { echo "build: as root: apt-get build-dep $H" >&2; exit 1; }
  apt-get update -qq || true
  (cd "$H" && DEBIAN_FRONTEND=noninteractive apt-get build-dep -y -qq --no-install-recommends ./) > /dev/null
}

V=$(sed -n 's/^project(easgate VERSION \([0-9.]*\).*/\1/p' "$SRC/CMakeLists.txt")
D=$(dpkg-parsechangelog -l "$H/debian/changelog" -S Version); E=$(dpkg-parsechangelog -l "$H/debian/changelog" -S Timestamp)
[ "${D%-*}" = "$V" ] || { echo "build: CMakeLists.txt says $V, debian/changelog $D" >&2; exit 1; }
export SOURCE_DATE_EPOCH=$E
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT; T=$W/easgate-$V; mkdir -p "$T" "$OUT"
if git -C "$SRC" rev-parse --is-inside-work-tree >/dev/null 2>&1 && [ -n "$(git -C "$SRC" ls-files | head -1)" ]; then
  (cd "$SRC" && git ls-files -z -co --exclude-standard | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done)
else
  (cd "$SRC" && find . -type f -not -path './.*' -printf '%P\0')
fi | tar -C "$SRC" --null -T - -cf - | tar -C "$T" -xf -
rm -rf "$T/debian"; chmod -R u+rwX,go+rX,go-w "$T"
tar -C "$W" --sort=name --mtime="@$E" --owner=0 --group=0 --numeric-owner -cJf "$W/easgate_$V.orig.tar.xz" "easgate-$V"
cp -r "$H/debian" "$T/debian"; cp "$SRC/packaging/systemd/easgate.service" "$T/debian/easgate.service"
[ -z "${VERSION:-}" ] || sed -i "1s/(.*)/($VERSION)/" "$T/debian/changelog"
chmod -R u+rwX,go+rX,go-w "$T/debian"; find "$T/debian" -exec touch -d "@$E" {} +
if [ "${CCACHE:-1}" != 0 ] && command -v ccache > /dev/null; then
  # debhelper moves HOME, and every build has a directory of its own
  CCACHE_DIR=$(ccache -k cache_dir)
  export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_DIR CCACHE_BASEDIR=$W CCACHE_NOHASHDIR=1
fi
(cd "$T" && dpkg-buildpackage -us -uc -j"${JOBS:-$(nproc)}" > "$OUT/build.log" 2>&1) || {
  { grep -aE '(error|Error|FAILED|E): ?' "$OUT/build.log" | tail -20; tail -10 "$OUT/build.log"; } | cut -c1-300 >&2
  echo "build: failed; see $OUT/build.log" >&2; exit 1
}
find "$W" -maxdepth 1 -type f -exec cp -t "$OUT" {} +
