#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Lays out what is installed:  stage.sh BUILD WINDEPS STAGE
#
# STAGE gets easgate.exe and the shared DLLs, plugins/, licenses/, docs/ (manual pages as HTML, sample configuration),
# data/easgate.yaml and, in licenses/, the bill of materials. Programs are stripped; their debug information goes to
# STAGE.debug, beside it.
set -euo pipefail
[ $# = 3 ] || { sed -n '3,7p' "$0" >&2; exit 64; }
H=$(dirname "$(realpath "$0")"); SRC=$(realpath "$H/../..")
B=$(realpath "$1") D=$(realpath "$2") S=$(realpath -m "$3")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1795000000}
rm -rf "$S" "$S.debug"; mkdir -p "$S"/{plugins,licenses,docs,data} "$S.debug"
strip_to(){ # file directory
  local n; n=$(basename "$1")
  cp "$1" "$2/$n"
  (cd "$S.debug" && x86_64-w64-mingw32-objcopy --only-keep-debug "$2/$n" "$n.debug")
  x86_64-w64-mingw32-strip "$2/$n"
  (cd "$S.debug" && x86_64-w64-mingw32-objcopy --add-gnu-debuglink="$n.debug" "$2/$n"); }
strip_to "$B/bin/easgate.exe" "$S"
strip_to "$B/bin/easgate-conform.exe" "$S"
for f in "$B"/lib/easgate/plugins/*.dll; do strip_to "$f" "$S/plugins"; done
cp "$D"/bin/*.dll "$S"
cp "$D"/share/licenses/* "$S/licenses"; cp "$SRC/LICENSE" "$S/licenses/easgate.LICENSE"
for page in "$SRC"/core/man/*.[58] "$SRC"/sdk/man/*.[17] "$SRC"/plugins/*/*.7; do
  mandoc -T html -O style=/dev/null "$page" | sed 's#<link rel="stylesheet"[^>]*>##' > "$S/docs/$(basename "$page").html"
done
cp "$SRC/etc/orgs.d/contoso.yaml.example" "$S/docs/contoso.yaml"
# the same file, with the places of this system
sed -e 's#^\# /etc/easgate/easgate.yaml#\# C:\\ProgramData\\easgate\\easgate.yaml#' \
    -e 's#/usr/share/doc/easgate/examples/ has#docs\\contoso.yaml beside easgate.exe is#' \
    -e 's#^state_dir: .*#state_dir: C:/ProgramData/easgate/state#' \
    -e 's#a directory that only root can write to#a directory that only Administrators can write to#' \
    -e 's#^\#plugin_dir: .*#\#plugin_dir: C:/Program Files/easgate/plugins#' \
    -e 's#(sha256sum NAME.so)#(Get-FileHash NAME.dll)#; s#^\#  intune.so:#\#  intune.dll:#' \
    -e 's#^  \# auto .*#  \# auto     text in a console, the event log as a service, JSON lines elsewhere#' \
    -e '/^  \# journal /d' \
    -e 's#^  \#file: .*#  \#file: C:/ProgramData/easgate/easgate.log#' "$SRC/etc/easgate.yaml" | sed 's/$/\r/' > "$S/data/easgate.yaml"
if grep -nE '/etc/|/usr/|/var/' "$S/data/easgate.yaml"; then echo "stage: easgate.yaml names places of another system" >&2; exit 1; fi
python3 -B "$H/sbom.py" "$S" "$D/VERSIONS" "$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$B/CMakeCache.txt")" > "$S.cdx.json"
mv "$S.cdx.json" "$S/licenses/easgate.cdx.json"
