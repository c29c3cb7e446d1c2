#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A plugin of the tree through the kit, with every configuration for it: configs/PLUGIN.yaml and
# configs/PLUGIN.MODULE.yaml, changes allowed (they go to files of this test).
# usage: test_plugin.sh CONFORM CONFIGS DATA PLUGIN.so [CONFIG...]
set -u
conform=$1 configs=$2 data=$3 plugin=$4
shift 4
name=$(basename "$plugin" .so)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0
made=0

[ $# -gt 0 ] || set -- "$configs/$name.yaml" "$configs/$name".module-*.yaml
for config in "$@"; do
    [ -f "$config" ] || continue
    made=$((made + 1))
    sed -e "s|@DATA@|$data|; s|@TMP@|$tmp|" "$config" > "$tmp/config.yaml"
    set -- --config "$tmp/config.yaml"
    incomplete=${config%.yaml}.incomplete.yaml
    if [ -f "$incomplete" ]; then
        sed -e "s|@DATA@|$data|; s|@TMP@|$tmp|" "$incomplete" > "$tmp/incomplete.yaml"
        set -- "$@" --incomplete "$tmp/incomplete.yaml"
    fi
    # a configuration for a peer that is not here: only what needs none
    grep -q '^# needs a peer' "$config" || set -- "$@" --write
    "$conform" "$@" "$plugin" || failed=$((failed + 1))
done
if [ $made = 0 ]; then
    echo "# no configuration for $name: only its library is looked at"
    for case in load descriptor; do
        "$conform" --only $case "$plugin" || failed=$((failed + 1))
    done
fi
[ $failed = 0 ]
