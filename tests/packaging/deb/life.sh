#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The life of the packages in a minimal Debian: install, configure, sync, upgrade, downgrade, remove, purge.
#
#   life.sh DIR PREVIOUS LAB      directories of packages (build.sh), and a simulated organisation that runs outside
#   life.sh DIR PREVIOUS          the one of the packages themselves
#
# PREVIOUS has a lower version, knows one change of schema less and brings another easgate.yaml.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/rig.sh"
[ $# -ge 2 ] || { sed -n '5,8p' "$0" >&2; exit 64; }
new=$(realpath "$1") old=$(realpath "$2")
rig_need sqlite3
rig_base
work=$(mktemp -d)
root=$work/root
trap 'rig_drop "$root"; rm -rf "$work"' EXIT
lab=${3:-}
[ -n "$lab" ] || { dpkg-deb -x "$(debs "$new" | grep /easgate-dev_)" "$work/dev"; lab=$work/dev/usr/bin/easgate-lab; }

rig_new "$root"
mkdir "$root/new" "$root/old"
debs "$new" | xargs cp -t "$root/new"
debs "$old" | xargs cp -t "$root/old"
agent() { rig_in "$root" easgate "$@"; }
apt() { rig_in "$root" apt-get -y -q --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
packages() { (cd "$root" && printf '/%s\n' "$1"/*.deb); }
expect() { # what, pattern, file
    grep -qE -- "$2" "$3" || { cat "$3" >&2; die "$1"; }
}

# Every file that a package could leave: kind, mode, owner, content. What dpkg, apt and the account database keep of
# every package that ever was there is left out.
ours=(-path ./proc -o -path ./new -o -path ./old -o -path ./tmp -o -path ./run -o -path ./var/lib/dpkg -o -path ./var/lib/apt
    -o -path ./var/cache -o -path ./var/log -o -path './etc/passwd*' -o -path './etc/group*' -o -path './etc/shadow*'
    -o -path './etc/gshadow*' -o -path ./etc/ld.so.cache -o -path ./etc/.pwd.lock)
picture() {
    (
        cd "$root"
        find . -xdev \( "${ours[@]}" \) -prune -o -printf '%p %y %m %U %G %l\n'
        find . -xdev \( "${ours[@]}" \) -prune -o -type f -print0 | xargs -0 sha256sum
    ) | sort
}

# ---- the dependencies first, so that the picture shows what is ours
mapfile -t wanted < <(packages new)
mapfile -t needs < <(rig_in "$root" apt-get -s --no-install-recommends install "${wanted[@]}" gcc libc6-dev pkgconf cmake make |
    sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -v '^easgate')
apt install "${needs[@]}" > "$work/log" 2>&1 || { tail -20 "$work/log"; die "the dependencies"; }
picture > "$work/before"
say "a minimal Debian with ${#needs[@]} dependencies"

# ---- the previous version
mapfile -t wanted < <(packages old)
apt install "${wanted[@]}" > "$work/log" 2>&1 || { tail -20 "$work/log"; die "installing the previous version"; }
rig_in "$root" getent passwd _easgate > "$work/out" || die "no account"
[ "$(stat -c '%U %a' --dereference "$root/var/lib/easgate" | sed 's/.* //')" = 750 ] || die "mode of the state directory"
[ "$(rig_in "$root" stat -c %U /var/lib/easgate)" = _easgate ] || die "owner of the state directory"
[ -L "$root/etc/systemd/system/multi-user.target.wants/easgate.service" ] || die "the service is not enabled"
agent status > "$work/out"
expect "status without an organisation" 'no organisation is configured in /etc/easgate/orgs.d' "$work/out"
agent config check > "$work/out" || { cat "$work/out"; die "config check without an organisation"; }
agent check > "$work/out" || { cat "$work/out"; die "check without an organisation"; }
say "the previous version is installed, idle, and says so"

# ---- an administrator: an edited conffile, an organisation, secrets of the account; a state of the older schema
echo '# edited here' >> "$root/etc/easgate/easgate.yaml"
rig_lab "$lab" "$work/lab"
rig_org "$work/lab" "$root" file:/etc/easgate/exchange.password file:/etc/easgate/graph.pem
install -m 600 "$work/lab/exchange.password" "$work/lab/graph.pem" "$root/etc/easgate"
rig_in "$root" chown _easgate: /etc/easgate/exchange.password /etc/easgate/graph.pem
state=$root/var/lib/easgate/contoso.db
newest=$(find "$here/../../../core/store/schema" -name '0*.sql' | wc -l)
older=$((newest - 1))
id=$(sed -n 's/^#define DB_APPLICATION_ID *\(0x[0-9a-fA-F]*\|[0-9]*\).*/\1/p' "$here/../../../core/store/store_db.h")
find "$here/../../../core/store/schema" -name '0*.sql' | sort | head -n "$older" | xargs cat | sqlite3 "$state"
sqlite3 "$state" "PRAGMA user_version=$older; PRAGMA application_id=$((id));"
rig_in "$root" chown _easgate: /var/lib/easgate/contoso.db

# ---- upgrade: the edited file is kept, the schema moves with a copy
mapfile -t wanted < <(packages new)
apt install "${wanted[@]}" > "$work/log" 2>&1 || { tail -20 "$work/log"; die "upgrading"; }
grep -q '^# edited here' "$root/etc/easgate/easgate.yaml" || die "the edited conffile was overwritten"
[ -f "$root/etc/easgate/easgate.yaml.dpkg-dist" ] || die "the new conffile was not put beside it"
rm "$root/etc/easgate/easgate.yaml.dpkg-dist"
agent status contoso > "$work/out" 2>&1 || { cat "$work/out"; die "status before the first run after the upgrade"; }
agent sync contoso --full > "$work/out" 2>&1 || { cat "$work/out"; die "sync after the upgrade"; }
[ "$(sqlite3 "$state" 'PRAGMA user_version')" = "$newest" ] || die "the schema did not move to $newest"
[ "$(sqlite3 "$state.v$older.bak" 'PRAGMA user_version')" = "$older" ] || die "no copy of the state before the change"
[ "$(sqlite3 "$state" 'SELECT count(*) FROM v_devices')" = 100 ] || die "not 100 devices"
for f in contoso.db "contoso.db.v$older.bak"; do
    [ "$(rig_in "$root" stat -c %U "/var/lib/easgate/$f")" = _easgate ] || die "root's run left $f to root: the service could not write it"
done
say "upgraded: edited configuration kept, schema $older to $newest with a copy, 100 devices synchronised by the installed agent"

# ---- a downgrade is refused by the program, and harms nothing
sum=$(sqlite3 "$state" .dump | sha256sum)
mapfile -t wanted < <(packages old)
rig_in "$root" dpkg --force-confdef --force-confold -i "${wanted[@]}" > "$work/log" 2>&1 || { tail -20 "$work/log"; die "installing the previous version again"; }
code=0
agent sync contoso > "$work/out" 2>&1 || code=$?
[ "$code" != 0 ] || die "the previous version took a newer state file"
expect "the refusal says what to do" "has schema $newest, this easgate knows $older; install the newer easgate" "$work/out"
expect "the refusal names the copy" "contoso.db.v$older.bak" "$work/out"
[ "$(sqlite3 "$state" .dump | sha256sum)" = "$sum" ] || die "the refused downgrade changed the state"
say "downgrade refused: $(grep -o 'has schema.*' "$work/out" | head -1)"
mapfile -t wanted < <(packages new)
apt install "${wanted[@]}" > "$work/log" 2>&1 || { tail -20 "$work/log"; die "the newer version again"; }
[ "$(sqlite3 "$state" 'SELECT count(*) FROM v_devices')" = 100 ] || die "the state is not what it was"

# ---- a stranger's plugin
rig_in "$root" sh -ec 'cd /tmp; AUTOPKGTEST_TMP=/tmp sh -e' < "$here/../../../packaging/deb/debian/tests/sdk" > "$work/out" 2>&1 ||
    { tail -30 "$work/out"; die "the template against the installed easgate-dev"; }
rig_in "$root" sh -ec 'cd /tmp/template && make -s && make -s install'
agent plugins > "$work/out"
expect "the stranger's plugin is listed" ' template ' "$work/out"
rig_in "$root" rm -rf "$(rig_in "$root" pkg-config --variable=plugindir easgate)/template.so" /tmp/template
say "a stranger's plugin was built with pkg-config, CMake and make, passed easgate-conform, and is loaded"

# ---- removal: the warning, unless everything was given back
sed -i 's/^mode: audit/mode: enforce/' "$root/etc/easgate/orgs.d/contoso.yaml"
agent sync contoso --full > "$work/out" 2>&1 || { cat "$work/out"; die "the enforcing sync"; }
held=$(sqlite3 "$state" "SELECT DISTINCT run FROM v_actions WHERE state = 'held' LIMIT 1")
[ -z "$held" ] || agent approve contoso "$held" > "$work/out" 2>&1 || { cat "$work/out"; die "approving"; }
[ "$(sqlite3 "$state" 'SELECT count(*) FROM v_ledger')" -gt 0 ] || die "nothing was written to the lab"
apt remove easgate easgate-plugins > "$work/log" 2>&1 || { tail -20 "$work/log"; die "removing"; }
expect "removal warns" 'entries that easgate wrote to Exchange for contoso stay there' "$work/log"
[ -e "$state" ] && [ -e "$root/etc/easgate/easgate.yaml" ] || die "removal took configuration or state"
[ ! -e "$root/usr/sbin/easgate" ] || die "the program is still there"
say "removed with entries: $(grep -c 'easgate: ' "$work/log") lines of warning; configuration and state stay"
mapfile -t wanted < <(packages new)
apt install "${wanted[@]}" > "$work/log" 2>&1 || { tail -20 "$work/log"; die "installing again"; }
sed -i 's/^mode: enforce/mode: audit/' "$root/etc/easgate/orgs.d/contoso.yaml"
agent release contoso > "$work/out" 2>&1 || { cat "$work/out"; die "release"; }
[ "$(sqlite3 "$state" 'SELECT count(*) FROM v_ledger')" = 0 ] || die "release left entries"
apt remove easgate easgate-plugins > "$work/log" 2>&1 || { tail -20 "$work/log"; die "removing"; }
! grep -q 'stay there' "$work/log" || { cat "$work/log"; die "removal warns although everything was given back"; }
say "removed after release: no warning"

# ---- purge
apt purge easgate easgate-plugins easgate-dev > "$work/log" 2>&1 || { tail -20 "$work/log"; die "purging"; }
picture > "$work/after"
diff "$work/before" "$work/after" > "$work/diff" || { cat "$work/diff"; die "purge leaves traces"; }
[ -z "$(rig_in "$root" dpkg -l 'easgate*' 2> /dev/null | grep -E '^(ii|rc)')" ] || die "dpkg still knows the packages"
say "purged: $(wc -l < "$work/after") files as before the installation; the account stays"
kill "$lab" 2> /dev/null || true
say "ok"
