#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Windows leg of CI: dependencies (cached) -> cross build -> ctest under wine -> MSI -> tests of the packages under wine.
#
#   ci-windows.sh [OUTDIR]        OUTDIR gets the MSI and its companions
#
# Exit: 0 all green; 77 skipped, with the reason (no wine or mingw, or neither cached dependencies nor an archive); 1 failed.
# From the environment: BUILD (kept; default: a temporary directory), LAB (a native easgate-lab; default: built here),
# SLOW=1 (also the tests that take minutes under wine), STEPS (default: all of "ctest sync ntlm service life"), and what build-windeps.sh takes.
# Needs packages.txt; installs nothing (packaging/msi/build.sh does).
set -euo pipefail
H=$(dirname "$(realpath "$0")"); SRC=$(realpath "$H/../.."); OUT=${1:+$(realpath -m "$1")}
T=$SRC/tests/packaging/windows
for p in wine wixl msibuild faketime zstd x86_64-w64-mingw32-gcc-win32 x86_64-w64-mingw32-windmc ninja mandoc; do
  command -v "$p" >/dev/null || { echo "SKIP: the Windows leg needs $p (packaging/windows/packages.txt)"; exit 77; }
done
W=$(mktemp -d -t easgate-win.XXXXXX); export W WINDEPS=$W/deps CCACHE_NOHASHDIR=1
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1795000000}
T0=$(date +%s%N); st(){ local t=$(( ($(date +%s%N) - T0) / 100000000 )); printf '%4d.%ds  %s\n' $((t/10)) $((t%10)) "$*"; }
. "$T/wine.sh"
end(){ rc=$?; timeout 20 wineserver -k 2>/dev/null || true; rm -rf "$W"; exit $rc; }; trap end EXIT
STEPS=" ${STEPS:-ctest sync ntlm service life} "

rc=0; "$H/build-windeps.sh" "$WINDEPS" || rc=$?
[ $rc != 75 ] || { echo "SKIP: no cached dependencies and no archive in reach"; exit 77; }
[ $rc = 0 ] || exit 1
st dependencies
B=$(realpath -m "${BUILD:-$W/b}")
# the same prefix in each run: a kept build directory stays up to date
mkdir -p "$B"; rm -rf "$B/deps.new"; if ! cmp -s "$WINDEPS/.key" "$B/deps/.key"; then rm -rf "$B/deps"; mv "$WINDEPS" "$B/deps"; fi; WINDEPS=$B/deps
"$H/cross.sh" "$B" "$WINDEPS" -DBUILD_TESTING=ON
if [ -z "${LAB:-}" ]; then
  cmake -G Ninja -S "$SRC" -B "$W/lab" -DBUILD_TESTING=OFF -DCMAKE_C_COMPILER_LAUNCHER=ccache > "$W/lab.log" 2>&1 && ninja -C "$W/lab" easgate-lab >> "$W/lab.log" || { tail -30 "$W/lab.log"; exit 1; }
  LAB=$W/lab/bin/easgate-lab
fi
export LAB
x86_64-w64-mingw32-gcc-win32 -municode -O1 -Wall -Werror -o "$W/addca.exe" "$H/addca.c" -lcrypt32
st build
# a new prefix says Windows 7, and the package wants 10
LIMIT=300 w wineboot -i > /dev/null || fail "wineboot"; w winecfg -v win10 > /dev/null; settle; st "wine prefix"
if [[ $STEPS == *" ctest "* ]]; then
  slow=(-LE slow); [ -z "${SLOW:-}" ] || slow=()
  (cd "$B" && ctest "${slow[@]}" -j"${JOBS:-$(nproc)}" --output-on-failure --repeat until-pass:2 > "$W/ctest.log" 2>&1) || { grep -vE '^ *(Start|[0-9]+/[0-9]+).*(Start|Passed|Skipped)' "$W/ctest.log" | tail -80; fail "ctest"; }
  grep -E 'tests passed|Skipped' "$W/ctest.log" | sort | uniq -c | sort -rn | head -40; settle; st ctest
fi
"$H/stage.sh" "$B" "$WINDEPS" "$W/stage"
V=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$B/CMakeCache.txt"); NEXT=${V%.*}.$((${V##*.} + 1))
"$SRC/packaging/msi/mkmsi.sh" "$W/stage" "$V" "$W/first.msi"; "$SRC/packaging/msi/mkmsi.sh" "$W/stage" "$NEXT" "$W/second.msi"
"$SRC/packaging/msi/mkmsi.sh" "$W/stage" "$V" "$W/again.msi"; cmp "$W/first.msi" "$W/again.msi" || fail "two MSIs of one stage differ"
st msi
[[ $STEPS != *" sync "* ]] || { "$T/sync.sh" "$W/stage/easgate.exe"; settle; st sync; }
[[ $STEPS != *" ntlm "* ]] || { "$T/ntlm.sh" "$W/stage/easgate.exe"; settle; st ntlm; }
[[ $STEPS != *" service "* ]] || { "$T/service.sh" "$W/stage/easgate.exe"; settle; st service; }
[[ $STEPS != *" life "* ]] || { "$T/life.sh" "$W/first.msi" "$W/second.msi"; settle; st "life of the MSI"; }
if [ -n "$OUT" ]; then mkdir -p "$OUT"; cp "$W/first.msi" "$OUT/easgate-$V-x64.msi"; cp "$W/stage/licenses/easgate.cdx.json" "$OUT/easgate-$V-x64.cdx.json"; fi
du -bh "$W/first.msi" | sed "s#$W/first#MSI, bytes#"
echo "windows leg ok"
