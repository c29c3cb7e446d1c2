#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A stranger's way: install the SDK to a prefix of its own, copy the template and the examples out of
# it, build them with pkg-config and with find_package, and let the kit load and walk them.
# usage: test.sh BUILD CMAKE CC SANITIZE LIBDIR CONFORM CONFORMANCE_DIR LOADER NO_ENTRY
set -u
build=$1 cmake=$2 cc=$3 sanitize=$4 libdir=$5 conform=$6 data=$7 loader=$8 no_entry=$9
command -v pkg-config > /dev/null || { echo "SKIP: no pkg-config"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
prefix=$tmp/prefix
failed=0

die() { echo "# $*"; [ -f "$tmp/log" ] && sed 's/^/#   /' "$tmp/log" | tail -30; exit 1; }

# the SDK's own install scripts, so that no other part of the tree has to be built
for dir in sdk sdk/conformance; do
    "$cmake" -DCMAKE_INSTALL_PREFIX="$prefix" -P "$build/$dir/cmake_install.cmake" > "$tmp/log" 2>&1 ||
        die "installing $dir"
done
for file in include/easgate/easgate.h include/easgate/draft/thread_check.h include/easgate/support/err.h \
    "$libdir/libeasgate-support.a" "$libdir/pkgconfig/easgate.pc" "$libdir/pkgconfig/easgate-support.pc" \
    "$libdir/cmake/easgate/easgateConfig.cmake" share/easgate/template/template.c bin/easgate-conform; do
    [ -e "$prefix/$file" ] || { echo "# $file was not installed"; failed=$((failed + 1)); }
done
[ -e "$prefix/include/easgate/support/rows_internal.h" ] && { echo "# an internal header was installed"; exit 1; }

# The .pc files carry the prefix of configuring; a package has that one, we are elsewhere.
PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig
export PKG_CONFIG_PATH
pc() { pkg-config --define-variable=prefix="$prefix" "$@"; }
# Requires: pulls easgate.pc in, whose prefix is defined as well
san=
[ -z "$sanitize" ] || san="-fsanitize=$(echo "$sanitize" | tr ';' ',') -fno-sanitize-recover=all"
link="-Wl,--exclude-libs,ALL"
[ -n "$san" ] || link="$link -Wl,-z,defs"

examples=$(find "$prefix/share/doc" -type d -name examples)
[ -n "$examples" ] || die "no examples were installed"
cp -r "$prefix/share/easgate/template" "$tmp/mine" || exit 1

# ---- pkg-config
mkdir "$tmp/pc"
for name in template sink-file source-csv failover-roundrobin; do
    sources="$examples/$name/*.c"
    [ $name = template ] && sources="$tmp/mine/template.c"
    # shellcheck disable=SC2046,SC2086
    $cc -std=c11 -O2 -Wall -Wextra -Werror $san -fPIC -fvisibility=hidden -shared $link \
        $(pc --cflags easgate-support) -o "$tmp/pc/$name.so" $sources $(pc --libs easgate-support) \
        > "$tmp/log" 2>&1 || die "building $name with pkg-config"
done

# a plugin without any helper needs the headers alone
cat > "$tmp/bare.c" <<'C'
#include <easgate/easgate.h>
const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer) { (void)offer; return 0; }
C
# shellcheck disable=SC2046
$cc -std=c99 -Wall -Wextra -pedantic -Werror -fPIC -shared -Wl,-z,defs $(pc --cflags easgate) \
    -o "$tmp/bare.so" "$tmp/bare.c" > "$tmp/log" 2>&1 || die "building with the headers alone"
[ "$(pc --variable=plugindir easgate)" = "$prefix/$libdir/easgate/plugins" ] || die "plugindir of easgate.pc"

# ---- find_package
"$cmake" -S "$tmp/mine" -B "$tmp/cm" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Werror $san" -DCMAKE_INSTALL_PREFIX="$prefix" > "$tmp/log" 2>&1 ||
    die "configuring the template with find_package"
if [ -z "$san" ]; then
    "$cmake" --build "$tmp/cm" > "$tmp/log" 2>&1 || die "building the template with find_package"
    "$cmake" --install "$tmp/cm" > "$tmp/log" 2>&1 || die "installing the template"
    [ -f "$prefix/$libdir/easgate/plugins/template.so" ] || die "the template was not installed among the plugins"
fi

# ---- loaded, and walked through the contract
check() # plugin config...
{
    plugin=$1
    config=$2
    sed -e "s|@DATA@|$data/data|; s|@TMP@|$tmp|" "$config" > "$tmp/config.yaml"
    "$conform" --write --config "$tmp/config.yaml" "$plugin" > "$tmp/log" 2>&1 ||
        { echo "# $plugin:"; sed 's/^/#   /' "$tmp/log"; failed=$((failed + 1)); }
}
check "$tmp/pc/template.so" "$tmp/mine/template.yaml"
for name in sink-file source-csv failover-roundrobin; do
    check "$tmp/pc/$name.so" "$data/configs/$name.yaml"
done
[ -n "$san" ] || check "$prefix/$libdir/easgate/plugins/template.so" "$tmp/mine/template.yaml"

# by the agent's own registry, from a directory that nobody else can write to
"$loader" "$tmp/pc/template.so" "$no_entry" > "$tmp/log" 2>&1 || die "the registry does not load the template"

echo "$failed failed"
[ $failed = 0 ]
