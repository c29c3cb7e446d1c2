#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A plugin exports easg_plugin_entry and nothing else, and needs nothing of the host: every undefined
# symbol is one of a library that it names.
# usage: exports.sh PLUGIN...
set -u
failed=0
[ $# -gt 0 ] || { echo "# no plugin was given"; exit 1; }
for plugin in "$@"; do
    exports=$(nm -D --defined-only "$plugin" | awk '{ print $NF }' | sed 's/@.*//' | sort | tr '\n' ' ')
    if [ "$exports" != "easg_plugin_entry " ]; then
        echo "# $plugin exports: $exports"
        failed=$((failed + 1))
    fi
    missing=$(ldd -r "$plugin" 2>&1 | grep 'undefined symbol' | grep -v -e __asan -e __ubsan -e __tsan -e __lsan)
    if [ -n "$missing" ]; then
        echo "# $plugin: $missing"
        failed=$((failed + 1))
    fi
done
echo "$# plugins, $failed failed"
[ $failed = 0 ]
