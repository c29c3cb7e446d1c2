#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a version to upgrade from:  previous.sh OUTDIR
#
# The same tree with a lower version, without the newest change of the state file's schema, and with another
# easgate.yaml: what an upgrade has to get over.
set -euo pipefail
[ $# = 1 ] || { sed -n '3,6p' "$0" >&2; exit 64; }
top=$(realpath "$(dirname "$0")/../../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
(cd "$top" && git ls-files -z -co --exclude-standard 2> /dev/null || find . -type f -not -path './.*' -not -path './build*' -printf '%P\0') |
    (cd "$top" && xargs -0 sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' sh) |
    tar -C "$top" --null -T - -cf - | tar -C "$work/tree" -xf -
cd "$work/tree"
rm "$(find core/store/schema -name '0*.sql' | sort | tail -1)"
echo '# from the previous version' >> etc/easgate.yaml
now=$(dpkg-parsechangelog -l packaging/deb/debian/changelog -S Version)
SOURCE=$work/tree VERSION="$now~previous" bash packaging/deb/build.sh "$1"
