#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sync.sh EASGATE.exe: the program against the lab over TLS with Basic authentication.
. "$(dirname "$(realpath "$0")")/wine.sh"
EXE=$1; d=$W/sync; trap 'stop_lab' EXIT
start_lab "$d" --devices 60 --seed 7 --default-access quarantine
e(){ w "$EXE" "$@" --config "Z:$d/win/easgate.yaml" > "$d/out" || return $?; }
try(){ # expected exit code, arguments
  local want=$1 rc=0; shift
  e "$@" || rc=$?
  [ $rc = "$want" ] || { cat "$d/out" "$W/wine.err"; fail "easgate $*: exit code $rc, not $want"; }; }
try 0 version; grep -q '^easgate [0-9]' "$d/out" || fail "version prints $(cat "$d/out")"
try 0 plugins; for p in exchange-onprem intune ews-mail cas-failover; do grep -q "$p" "$d/out" || fail "plugin $p is not loaded: $(cat "$d/out")"; done
try 0 check contoso --online
try 0 sync contoso --full
try 2 plan contoso
sed -i 's/^mode: audit/mode: enforce/' "$d/win/orgs.d/contoso.yaml"
try 0 sync contoso --full; cat "$d/out" > "$d/enforced"
try 0 status contoso --json
python3 -c 'import json, sys
o = json.load(open(sys.argv[1]))["organizations"][0]
held = o.get("held") or []
print(held[0]["run"] if held else "")' "$d/out" > "$d/held"
[ ! -s "$d/held" ] || [ "$(cat "$d/held")" = "" ] || try 0 approve contoso "$(cat "$d/held")"
try 0 plan contoso
try 0 sync contoso --quick
try 0 devices contoso --json; cp "$d/out" "$d/devices.json"
# on which of its lists Exchange itself has each device, against what was decided
curl -sS --cacert "$d/ca.pem" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["graph"])' "$d/lab.json")/lab/devices" > "$d/exchange.jsonl"
python3 - "$d" <<'P'
import json, sys
d = sys.argv[1]
ours = {x["key"]: x for x in json.load(open(d + "/devices.json"))["devices"]}
theirs = {x["guid"]: x["listed"] for x in map(json.loads, open(d + "/exchange.jsonl"))}
want = {"allow": "allowed", "block": "blocked"}
bad = [(k, x["verdict"], theirs[k]) for k, x in ours.items() if x["verdict"] in want and theirs[k] != want[x["verdict"]]]
n = {v: sum(x["verdict"] == v for x in ours.values()) for v in want}
if len(ours) != 60 or set(ours) != set(theirs) or bad or min(n.values()) < 5:
    sys.exit("%d devices, decided %s, not so in Exchange: %s" % (len(ours), n, bad))
print("60 devices: %(allow)d allowed, %(block)d blocked, Exchange has them so" % n)
P
# certificates: without ca_file the machine's store decides
sed -i '/ca_file/d' "$d/win/orgs.d/contoso.yaml"
rc=0; e check contoso --online || rc=$?
[ $rc != 0 ] && grep -qiE 'certificate|trust|issuer' "$d/out" || fail "an unknown CA was taken: $(cat "$d/out")"
openssl x509 -in "$d/ca.pem" -outform DER -out "$d/ca.der"
w "$W/addca.exe" machine "Z:$d/ca.der" || fail "addca"
try 0 check contoso --online
echo "sync: check, full, plan, enforce, quick; certificate store: ok"
