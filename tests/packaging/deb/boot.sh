#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The installed service under a real systemd, in a container: idle without an organisation, credentials, sandbox, journal,
# reload, watchdog, a broken file, an upgrade while it runs, removal.       boot.sh DIR [LAB]
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/rig.sh"
[ $# -ge 1 ] || { sed -n '4,4p' "$0" >&2; exit 64; }
new=$(realpath "$1")
rig_need systemd-nspawn nsenter
rig_base
work=$(mktemp -d)
root=$work/root
nspawn=
finish() {
    if [ -n "$nspawn" ]; then
        kill "$nspawn" 2> /dev/null || true
        wait "$nspawn" 2> /dev/null || true
    fi
    rig_drop "$root"
    rm -rf "$work"
}
trap finish EXIT
lab=${2:-}
[ -n "$lab" ] || { dpkg-deb -x "$(debs "$new" | grep /easgate-dev_)" "$work/dev"; lab=$work/dev/usr/bin/easgate-lab; }

rig_new "$root"
mkdir "$root/new"
debs "$new" | grep -v /easgate-dev_ | xargs cp -t "$root/new"
rig_in "$root" sh -ec 'apt-get -y -q --no-install-recommends install systemd systemd-sysv dbus' > "$work/log" 2>&1 || { tail "$work/log"; die "systemd"; }
rig_unmount "$root"

# ---- boot; the packages are installed into the running system
systemd-nspawn --quiet --register=no --keep-unit --boot --console=pipe --bind="$cache/archives:/var/cache/apt/archives" -D "$root" \
    systemd.unified_cgroup_hierarchy=0 < /dev/null > "$work/console" 2>&1 &
nspawn=$!
until leader=$(ps -o pid= --ppid "$nspawn" | tr -d ' ') && [ -n "$leader" ]; do
    kill -0 "$nspawn" 2> /dev/null || { nspawn=; skip "systemd-nspawn does not boot here: $(tail -1 "$work/console")"; }
    sleep 0.1
done
inside() { nsenter -t "$leader" -m -u -i -p -n -C -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
await() { # what, seconds, command...: until it succeeds
    local what=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" > /dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            inside systemctl status easgate --no-pager -n 30 >&2 || true
            die "$what"
        fi
        sleep 0.2
    done
}
show() { inside systemctl show easgate --property="$1" --value; }
is() { [ "$(show "$1")" = "$2" ]; }
expect() { # what, pattern, file
    grep -qE -- "$2" "$3" || { cat "$3" >&2; die "$1"; }
}
up() { inside systemctl is-system-running 2> /dev/null | grep -qE 'running|degraded'; }
end=$((SECONDS + 60))
until up; do
    [ $SECONDS -lt $end ] || skip "systemd did not come up in a container here: $(tail -1 "$work/console")"
    sleep 0.2
done
say "booted: $(inside systemctl --version | head -1)"
inside sh -ec 'apt-get -y -q --no-install-recommends install /new/*.deb' > "$work/log" 2>&1 || { tail -20 "$work/log"; die "installing"; }

# ---- idle, and clear about it
[ "$(inside systemctl is-enabled easgate)" = enabled ] || die "not enabled"
is ActiveState inactive || die "without an organisation it should be inactive"
is Result success || die "without an organisation it should not have failed"
inside systemctl status easgate --no-pager > "$work/out" || true
expect "status says why it is idle" 'ConditionDirectoryNotEmpty=/etc/easgate/orgs.d was not met' "$work/out"
inside easgate status > "$work/out"
expect "so does easgate status" 'no organisation is configured in /etc/easgate/orgs.d' "$work/out"
say "installed: enabled, idle, skipped without an organisation"

# ---- an organisation whose secrets are credentials of systemd
rig_lab "$lab" "$work/lab"
rig_org "$work/lab" "$root" credential:exchange credential:graph.pem
install -m 600 "$work/lab/exchange.password" "$work/lab/graph.pem" "$root/root"
inside sh -ec '
    systemd-creds encrypt --name=exchange /root/exchange.password /etc/easgate/exchange.cred
    systemd-creds encrypt --name=graph.pem /root/graph.pem /etc/easgate/graph.cred
    rm /root/exchange.password /root/graph.pem
    mkdir -p /etc/systemd/system/easgate.service.d
    printf "[Service]\nLoadCredentialEncrypted=%s\n" exchange:/etc/easgate/exchange.cred > /etc/systemd/system/easgate.service.d/1.conf
    printf "[Service]\nLoadCredentialEncrypted=%s\n" graph.pem:/etc/easgate/graph.cred > /etc/systemd/system/easgate.service.d/2.conf
    printf "[Service]\nWatchdogSec=4\nRestartSec=1\n" > /etc/systemd/system/easgate.service.d/3.conf
    systemctl daemon-reload; systemctl start easgate' > "$work/out" 2>&1 || { cat "$work/out"; die "starting"; }
is ActiveState active || die "not active after the start, which waits for READY=1"
is SubState running || die "not running"
synced() { inside easgate status --json | grep -q '"last_full": "2'; }
await "the first full sync by schedule" 60 synced
inside easgate status > "$work/out"
expect "the status after a sync" 'last full' "$work/out"
show StatusText > "$work/out"
expect "a line for people" '1 organisation, .* next: ' "$work/out"
say "service: $(cat "$work/out")"

# ---- the account and the sandbox, as the kernel sees them
main=$(show MainPID)
inside cat "/proc/$main/status" > "$work/out"
account=$(inside id -u _easgate)
expect "user" "^Uid:	$account	$account	$account	$account" "$work/out"
expect "no capability" '^CapEff:	0+$' "$work/out"
expect "none to be had" '^CapBnd:	0+$' "$work/out"
expect "no new privileges" '^NoNewPrivs:	1' "$work/out"
expect "system calls are filtered" '^Seccomp:	2' "$work/out"
inside sh -c "nsenter -t $main -m -- sh -c 'touch /etc/easgate/x 2>&1; touch /usr/x 2>&1; ls /root 2>&1; ls /dev'" > "$work/out" || true
expect "/etc is read-only" "touch.*/etc/easgate/x.*Read-only" "$work/out"
expect "/usr is read-only" "touch.*/usr/x.*Read-only" "$work/out"
! grep -qE '^(sda|vda|kmsg|mem)$' "$work/out" || die "devices are visible"
say "sandbox: uid $account, no capabilities, no new privileges, system call filter, read-only system"

# ---- the journal's own fields
inside journalctl -u easgate ORG=contoso -o json --no-pager > "$work/out"
expect "records by organisation" '"RUN":"[0-9a-f-]{36}"' "$work/out"
! inside journalctl -u easgate --no-pager -o cat | grep -q '^{' || die "JSON lines in the journal"
inside journalctl -u easgate --no-pager -o cat > "$work/out"
! grep -qF "$(cat "$work/lab/exchange.password")" "$work/out" || die "the password is in the journal"
say "journal: $(inside journalctl -u easgate ORG=contoso --no-pager -o cat | wc -l) records with ORG=contoso"

# ---- reload; a bad file neither reloads nor starts
inside systemctl reload easgate || die "reload"
[ "$(show MainPID)" = "$main" ] || die "a reload is not a restart"
echo 'organization: [' > "$root/etc/easgate/orgs.d/bad.yaml"
! inside systemctl reload easgate 2> /dev/null || die "a bad file was reloaded"
is ActiveState active || die "a refused reload ended the service"
rm "$root/etc/easgate/orgs.d/bad.yaml"

# ---- the watchdog: fed for longer than its time, then frozen
fed=$(show WatchdogTimestampMonotonic)
await "the watchdog is fed" 12 sh -c "[ \"\$(nsenter -t $leader -m -p -C -- systemctl show easgate --property=WatchdogTimestampMonotonic --value)\" -gt $((fed + 6000000)) ]"
is NRestarts 0 || die "it was restarted although it fed the watchdog"
inside systemctl kill --signal=STOP --kill-whom=main easgate
restarted() { [ "$(show NRestarts)" = 1 ] && is ActiveState active; }
await "a frozen agent is restarted" 40 restarted
inside journalctl -u easgate --no-pager -o cat > "$work/out"
expect "by the watchdog" 'Watchdog timeout' "$work/out"
say "watchdog: fed for 6 s, then frozen, ended and started again"

# ---- the verdict of systemd itself on the loaded unit
inside systemd-analyze security easgate --no-pager > "$work/out" || true
expect "exposure" 'Overall exposure level for easgate.service: [01]\.' "$work/out"
say "$(tail -1 "$work/out" | sed 's/[^ -~]//g')"

# ---- a verb by hand, with the same credentials
inside systemd-run --pipe --quiet --wait --collect -p User=_easgate -p LoadCredentialEncrypted=exchange:/etc/easgate/exchange.cred \
    -p LoadCredentialEncrypted=graph.pem:/etc/easgate/graph.cred easgate check contoso --online > "$work/out" 2>&1 || { cat "$work/out"; die "check --online by hand"; }
expect "every hop" '^ok .*(log-?on|cmdlet)' "$work/out"
say "by hand with systemd-run: check --online, $(grep -c '^ok' "$work/out") lines ok"

# ---- upgrade while it runs; removal; purge
before=$(show MainPID)
inside sh -ec 'apt-get -y -q --reinstall install /new/*.deb' > "$work/log" 2>&1 || { tail -20 "$work/log"; die "reinstalling"; }
is ActiveState active || die "not active after the reinstallation"
[ "$(show MainPID)" != "$before" ] || die "the old program is still running"
inside apt-get -y -q remove easgate easgate-plugins > "$work/log" 2>&1 || { tail -20 "$work/log"; die "removing"; }
! inside sh -c 'grep -lsx easgate /proc/[0-9]*/comm' || die "it still runs after its removal"
inside apt-get -y -q purge easgate easgate-plugins > "$work/log" 2>&1 || { tail -20 "$work/log"; die "purging"; }
[ ! -e "$root/var/lib/easgate" ] && [ ! -e "$root/etc/easgate" ] || die "purge leaves state or configuration"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/easgate.service" ] || die "purge leaves the link"
say "restarted by the upgrade, stopped by the removal, gone with the purge"
kill "$lab" 2> /dev/null || true
say "ok"
