#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job of easgate on the embedded lab, from a fresh Debian 12: installs what is missing,
# builds, starts a simulated organisation on loopback, and takes it from the first look (audit)
# through a plan to enforcement and a quick sync. Everything it makes lies in one temporary
# directory, which it removes.
#
#   bash etc/demo/run.sh [DEVICES]        default 300
#   EASGATE_DEMO_KEEP=1                   keeps the directory and says where it is
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"
devices=${1:-300}
case $devices in *[!0-9]* | '')
    echo "usage: bash etc/demo/run.sh [DEVICES]" >&2
    exit 64 ;;
esac
. tests/setup.sh

build=${EASGATE_BUILD_ROOT:-$top}/build-demo
echo "building in $build"
cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER_LAUNCHER=ccache -DBUILD_TESTING=ON > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
ninja -C "$build" easgate easgate-lab plugins >> "$build.log" 2>&1 || { tail -n 40 "$build.log"; exit 1; }
rm -f "$build.log"
easgate=$build/bin/easgate

dir=$(mktemp -d)
lab=
finish() {
    if [ -n "$lab" ]; then
        kill "$lab" 2> /dev/null || true
        wait "$lab" 2> /dev/null || true
    fi
    if [ -n "${EASGATE_DEMO_KEEP:-}" ]; then
        echo "kept: $dir (easgate --config $dir/etc/easgate.yaml ...; sqlite3 $dir/state/contoso.db)"
    else
        rm -rf "$dir"
    fi
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }
run() {
    printf '$ easgate %s\n' "$*"
    "$easgate" "$@" --config "$dir/etc/easgate.yaml"
}
# A verb that says "there are changes" with exit code 2.
run_changes() {
    local code=0
    run "$@" || code=$?
    [ "$code" = 2 ] || { echo "expected changes (exit code 2), got $code" >&2; exit 1; }
}

say "1. A simulated organisation: Exchange, Entra ID and Intune on loopback, $devices devices"
mkfifo "$dir/ready"
"$build/bin/easgate-lab" --dir "$dir" --devices "$devices" --seed 7 --default-access quarantine --parent $$ > "$dir/ready" &
lab=$!
read -r line < "$dir/ready"
echo "$line"

say "2. Is everything in place?"
run check contoso

say "3. The first full sync. Mode is audit: discover, decide, report, write nothing"
run sync contoso --full --limit 5

say "4. What would enforcement change?"
run_changes plan contoso --limit 12

say "5. Enforcement"
sed -i 's/^mode: audit/mode: enforce/' "$dir/etc/orgs.d/contoso.yaml"
run sync contoso --full --limit 12 || [ $? = 2 ]
held=$("$easgate" status contoso --json --config "$dir/etc/easgate.yaml" | python3 -c '
import json, sys
for org in json.load(sys.stdin)["organizations"]:
    for held in org["held"][:1]:
        print(held["run"])')
if [ -n "$held" ]; then
    say "   More blocks than one run may make: they are held until a person approves"
    run approve contoso "$held"
fi

say "6. Once more: nothing left to change"
run plan contoso

say "7. A person repairs a phone; a quick sync lets it in"
device=$("$easgate" devices contoso --verdict block --json --config "$dir/etc/easgate.yaml" | python3 -c '
import json, sys
for d in json.load(sys.stdin)["devices"]:
    if d["reason"] == "notCompliant" and d["managed_device"]:
        print(d["key"], d["managed_device"]); break')
curl -sS --cacert "$dir/ca.pem" -X POST --data "{\"managed\":\"${device#* }\",\"compliance\":\"compliant\"}" \
    "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["graph"])' "$dir/lab.json")/lab/set" > /dev/null
run sync contoso --quick

say "8. Where the organisation stands"
run status contoso
run explain contoso "${device%% *}"

say "9. What the lab's Exchange says itself (its own evaluation, and its reason), and the row that decided"
curl -sS --cacert "$dir/ca.pem" "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["graph"])' "$dir/lab.json")/lab/devices" |
    python3 -c '
import collections, json, sqlite3, sys
rows = {}
for mailbox, device, row, reason in sqlite3.connect(sys.argv[1]).execute(
        "SELECT mailbox, device_id, row, reason FROM v_devices"):
    rows[mailbox, device] = row + " " + reason
table = collections.Counter()
for line in sys.stdin:
    d = json.loads(line)
    who = "exempt or not targeted" if not (d["licensed"] and d["targeted"]) or d["exempt"] else \
        "not enrolled" if not d["managed"] or d["management"] == "discovered" or d["agent"] == "eas" else \
        "being retired or wiped" if d["management"] != "managed" else \
        "compliant" if d["compliance"] in ("compliant", "inGracePeriod") else "managed, not compliant"
    table[(who, d["state"] + " (" + d["reason"] + ")", rows.get((d["mailbox"], d["device_id"]), "-"))] += 1
for (who, state, row), n in sorted(table.items()):
    print("  %-24s %-24s %-28s %6d" % (who, state, row, n))' "$dir/state/contoso.db"
