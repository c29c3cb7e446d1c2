#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the MSI from a checkout:  build.sh OUTDIR
#
# Result: OUTDIR/easgate-VERSION-x64.msi, .cdx.json (bill of materials), -debug.tar.zst, and what msiinfo says of the package.
# Installs what it lacks (windows/packages.txt), builds the dependencies or takes them from the cache, cross-builds, signs with
# SIGN_KEY and SIGN_CERT (windows/sign.sh) when they are given. The same checkout gives the same bytes, unsigned.
# From the environment: BUILD (build directory, kept; default: a temporary one), VERSION (default: the tree's; tests build the
# next one from the same BUILD), and what build-windeps.sh takes. Exit 75: no dependencies cached and no archive in reach.
set -euo pipefail
[ $# = 1 ] || { sed -n '3,9p' "$0" >&2; exit 64; }
M=$(dirname "$(realpath "$0")"); H=$(realpath "$M/../windows"); OUT=$(realpath -m "$1")
WINDEPS_SKIP='wine|wine64|winbind'
. "$H/setup.sh"
W=$(mktemp -d -t easgate-msi.XXXXXX); trap 'rm -rf "$W"' EXIT
B=$(realpath -m "${BUILD:-$W/build}"); export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1795000000}
D=${WINDEPS:-$W/deps}
[ -n "${WINDEPS:-}" ] || { rc=0; "$H/build-windeps.sh" "$D" || rc=$?; [ $rc = 0 ] || exit $rc; }
o=(-DBUILD_TESTING=OFF); [ -z "${BUILD:-}" ] || o=()     # a build directory that is kept keeps its own options
"$H/cross.sh" "$B" "$D" -DEASGATE_LAB=OFF "${o[@]}"
V=${VERSION:-$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$B/CMakeCache.txt")}
"$H/stage.sh" "$B" "$D" "$W/stage"
"$H/sign.sh" "$W"/stage/*.exe "$W"/stage/*.dll "$W"/stage/plugins/*.dll
mkdir -p "$OUT"; N=$OUT/easgate-$V-x64
"$M/mkmsi.sh" "$W/stage" "$V" "$N.msi"
"$H/sign.sh" "$N.msi"
cp "$W/stage/licenses/easgate.cdx.json" "$N.cdx.json"
tar -C "$W/stage.debug" --zstd --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$N-debug.tar.zst" .
msiinfo suminfo "$N.msi" > "$N.msiinfo"; msiinfo tables "$N.msi" >> "$N.msiinfo"
du -bh "$N.msi" "$N-debug.tar.zst"; sha256sum "$N.msi"
