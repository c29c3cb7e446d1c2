#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Cross-builds the tree:  cross.sh BUILD WINDEPS [-DEASGATE_...=...]
#
# BUILD gets bin/easgate.exe, lib/easgate/plugins/*.dll and, with -DBUILD_TESTING=ON, the tests. Afterwards every file is
# looked at: no DLL that is not shipped is imported, and a plugin exports one symbol.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '3,6p' "$0" >&2; exit 64; }
H=$(dirname "$(realpath "$0")"); SRC=$(realpath "$H/../..")
B=$(realpath -m "$1"); WINDEPS=$(realpath "$2"); shift 2
export WINDEPS SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1795000000}
L=(); command -v ccache > /dev/null && L=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
mkdir -p "$B"
{ cmake -G Ninja -S "$SRC" -B "$B" -DCMAKE_TOOLCHAIN_FILE="$SRC/packaging/cmake/mingw64.cmake" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DEASGATE_WERROR=ON -DCMAKE_INSTALL_PREFIX=/ "${L[@]}" "$@" && ninja -C "$B"; } > "$B/cross.log" 2>&1 || { tail -40 "$B/cross.log" >&2; exit 1; }
bad=0
for f in "$B"/bin/*.exe "$B"/lib/easgate/plugins/*.dll; do
  for dll in $(x86_64-w64-mingw32-objdump -p "$f" | sed -n 's/.*DLL Name: //p'); do
    # ours, or Windows': one that is neither would be missing on the target
    [ -f "$WINDEPS/bin/$dll" ] || grep -qixE "(kernel32|advapi32|user32|msvcrt|shell32|ole32|crypt32|secur32|ws2_32|dnsapi|bcrypt|psapi|iphlpapi)\.dll|api-ms-win-.*" <<< "$dll" ||
      { echo "$f imports $dll" >&2; bad=1; }
  done
done
for f in "$B"/lib/easgate/plugins/*.dll; do
  n=$(x86_64-w64-mingw32-objdump -p "$f" | sed -n '/Ordinal\/Name Pointer/,/^$/s/.*\[ *[0-9]*\].* //p')
  [ "$n" = easg_plugin_entry ] || { echo "$f exports: $n" >&2; bad=1; }
done
exit $bad
