#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone in every language version that we promise, with every compiler
# that is here, and includes nothing but its neighbours, <stddef.h> and <stdint.h>.
# usage: headers.sh INCLUDE_DIR
set -u
include=$1
failed=0
made=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

for header in $(cd "$include" && find easgate -name '*.h' | sort); do
    wrong=$(sed -n 's/^# *include *//p' "$include/$header" | sed 's/ .*//' |
        grep -v -e '^<stddef.h>$' -e '^<stdint.h>$' -e '^"[a-z_./]*\.h"$')
    [ -z "$wrong" ] || { echo "# $header includes $wrong"; failed=$((failed + 1)); }
    for std in c99 c11 c2x c++17; do
        case $std in c++*) lang=c++ ;; *) lang=c ;; esac
        printf '#include <%s>\n#include <%s>\nint only_this_header;\n' "$header" "$header" > "$tmp/t.$lang"
        for cc in gcc clang; do
            command -v $cc > /dev/null || continue
            # gcc without its C++ front end cannot try C++
            [ $lang = c ] || echo | $cc -x c++ -fsyntax-only - 2> /dev/null || continue
            made=$((made + 1))
            $cc -x $lang -std=$std -Wall -Wextra -pedantic -Werror -I"$include" -fsyntax-only "$tmp/t.$lang" \
                > "$tmp/out" 2>&1 && continue
            failed=$((failed + 1))
            echo "# $header with $cc -std=$std:"
            sed 's/^/#   /' "$tmp/out"
        done
    done
done
[ $made -gt 0 ] || { echo "SKIP: no compiler"; exit 77; }
echo "$made compilations, $failed failed"
[ $failed = 0 ]
