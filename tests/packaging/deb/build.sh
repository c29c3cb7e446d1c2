#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Both builds that the tests of the packages need:  build.sh OUTDIR PREVIOUSDIR
set -euo pipefail
here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../../..")
[ -e /etc/debian_version ] && command -v dpkg-buildpackage > /dev/null || { echo "SKIP: no Debian, or no dpkg-dev"; exit 77; }
[ "$(id -u)" = 0 ] || dpkg-checkbuilddeps "$top/packaging/deb/debian/control" 2> /dev/null || {
    echo "SKIP: not root, and build dependencies are missing: $(dpkg-checkbuilddeps "$top/packaging/deb/debian/control" 2>&1)"
    exit 77
}
rm -rf "$1" "$2"
bash "$top/packaging/deb/build.sh" "$1"
bash "$here/previous.sh" "$2"
ls -l "$1"/*.deb
