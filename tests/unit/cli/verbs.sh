#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verbs from outside: exit codes, suggestions, text and JSON, on a state file made by the store.
#   verbs.sh EASGATE MAKE_STATE
set -u
easgate=$1
make_state=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
made=0
EASGATE_TEST_NOW=2026-11-25T14:00:00Z
export EASGATE_TEST_NOW
LC_ALL=C.UTF-8
export LC_ALL

mkdir -p "$work/etc/orgs.d" "$work/state"
chmod 0700 "$work/state"
cat >"$work/etc/easgate.yaml" <<Y
state_dir: $work/state
Y
printf 'secret\n' >"$work/etc/secret"
chmod 0600 "$work/etc/secret"
cat >"$work/etc/orgs.d/contoso.yaml" <<Y
organization: contoso
mode: audit
source:
  module: exchange-onprem
  server: localhost:1
  auth: { method: basic, user: CONTOSO\\svc, password: file:$work/etc/secret }
sink:
  module: intune
  tenant: 11111111-2222-3333-4444-555555555555
  client_id: 66666666-7777-8888-9999-000000000000
  client_secret: file:$work/etc/secret
Y
chmod -R go-w "$work"

say() { # say what failed
    echo "not ok - $*"
    failed=$((failed + 1))
}

# run CODE ARGS...: output in $work/out and $work/err
run() {
    want=$1
    shift
    "$easgate" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    made=$((made + 1))
    if [ "$got" -ne "$want" ]; then
        say "easgate $*: exit code $got, not $want"
        sed 's/^/#   /' "$work/out" "$work/err"
    fi
}
has() { # has FILE TEXT
    made=$((made + 1))
    grep -qF -- "$2" "$work/$1" || {
        say "$1 lacks: $2"
        sed 's/^/#   /' "$work/$1"
    }
}
hasnt() {
    made=$((made + 1))
    if grep -qF -- "$2" "$work/$1"; then
        say "$1 has: $2"
    fi
}
json() { # json SCHEMA PYTHON-CONDITION on d
    made=$((made + 1))
    python3 - "$work/out" "$1" "$2" <<'P' || say "JSON: $2"
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
assert d["schema"] == sys.argv[2], d["schema"]
ok = eval(sys.argv[3])
if not ok:
    print("#   " + json.dumps(d, indent=1)[:3000].replace("\n", "\n#   "))
sys.exit(0 if ok else 1)
P
}
config="--config $work/etc/easgate.yaml"

# ---- without anything
run 64
has out 'usage: easgate VERB'
run 0 help
run 0 --help
has out 'explain    say why'
hasnt out 'worker'
run 0 version
has out 'easgate 0'
run 0 version --json
json easgate.version/1 'd["abi_major"] == 1'
run 64 stauts
has err "there is no verb 'stauts'; did you mean status"
run 64 frobnicate
has err 'easgate help'
run 64 --jsn
run 64 status --jsn
has err 'unknown option --jsn; did you mean --json'
run 64 status --json --jsn
json easgate.status/1 '"did you mean --json" in d["error"]["message"]'
run 64 devices
has err 'ORG is missing'
run 0 sync --help
has out 'usage: easgate sync ORG'
run 64 config shwo
has err 'did you mean show'
run 0 help explain
run 64 help explian
has err 'did you mean explain'

# ---- policy
cat >"$work/facts" <<'J'
{"id": "a", "record": "none", "expect": "D11"}

{"id": "b", "compliance": "noncompliant", "expect": "block"}
{"default_access": "quarantine", "licence": true}
{"override": "yes", "expect": "D17"}
J
run 0 policy decide "$work/facts"
has out '"line": 1, "id": "a", "row": "D11", "action": "block", "reason": "notEnrolled", "mail": "enrol"'
has out '"line": 4, "row": "D18", "action": "allow"'
made=$((made + 1))
python3 -c 'import json,sys
for l in open(sys.argv[1]): assert json.loads(l)["schema"] == "easgate.policy/1"' "$work/out" || say 'policy: JSON lines'
printf '{"recrod": "none"}\n{"record": "nun"}\n{"expect": "D01"}\n{"a":' >"$work/facts"
run 1 policy decide "$work/facts"
has err "facts:1: there is no input 'recrod'; did you mean record"
has err "facts:2: record: 'nun' is none of none, ambiguous, easonly, managed, retiring"
has err 'facts:4: column'
has err 'nothing was decided'
printf '{"expect": "D01"}\n' >"$work/facts"
run 1 policy decide "$work/facts"
has err 'not decided as expected'
run 1 policy decide "$work/none"
has err 'cannot be opened'

# ---- configuration
printf 'organization: contoso\nmoed: audit\n' >"$work/etc/orgs.d/fabrikam.yaml"
run 30 config check $config
has out 'fabrikam.yaml:2'
has out 'mode'
run 30 config check $config --json
json easgate.config/1 'd["errors"] == 1 and any(c["subject"] == "contoso.yaml" and c["result"] == "ok" for c in d["checks"])'
run 30 check $config fabrikam
rm "$work/etc/orgs.d/fabrikam.yaml"
run 30 config check --config "$work/none.yaml"
has out 'none.yaml'
run 0 config schema agent
made=$((made + 1))
python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); assert "$schema" in d' "$work/out" || say 'config schema'
run 0 config show $config
has out "state_dir: "
has out 'timeout'
has out 'password: file:'
run 30 sync $config contso
has err 'contoso'
run 30 sync $config ../etc
has err 'cannot be the name'
run 64 sync $config contoso --full --quick

# ---- never synchronised
run 0 status $config
has out 'contoso: never synchronised'
run 1 devices $config contoso
run 1 explain $config contoso bob
run 0 check $config contoso --json
json easgate.check/1 'd["errors"] == 0 and any(c["check"] == "auth.password" for c in d["checks"])'
chmod 0644 "$work/etc/secret"
run 30 check $config contoso
has out 'auth.password'
chmod 0600 "$work/etc/secret"
chmod 0777 "$work/state"
run 30 check $config contoso
has out 'state dir'
chmod 0700 "$work/state"

# ---- on a state
"$make_state" "$work/state" || { say "make_state failed"; exit 1; }
run 0 status $config
has out 'contoso: waiting for approval, mode audit'
has out 'last full      3 min ago'
has out 'facts          3 min ago (5 people, 2 managed devices)'
has out '3 block'
has out '2 actions since 3 min ago: easgate approve contoso bbbbbbbb-0000-4000-8000-000000000002'
has out '1 mailboxes without a person'
has out 'cas1.contoso.example'
run 0 status $config contoso --json
json easgate.status/1 'd["organizations"][0]["verdicts"]["block"] == 3 and d["organizations"][0]["held"][0]["n"] == 2'
json easgate.status/1 'd["organizations"][0]["facts_age_ms"] == 180000 and d["organizations"][0]["endpoints"][0]["state"] == "up"'
run 30 status $config fabrikam

run 0 devices $config contoso
has out 'Android'
has out 'alice@contoso.example'
hasnt out "$(printf '\033')"
made=$((made + 1))
[ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' "$work/out")" -le 120 ] || say 'devices: wider than 120'
run 0 devices $config contoso --access quarantined
has out 'frank@contoso.example'
hasnt out 'alice'
run 0 devices $config contoso --verdict block --user BOB@contoso.example --json
json easgate.devices/1 'len(d["devices"]) == 1 and d["devices"][0]["row"] == "D11"'
run 0 devices $config contoso --limit 2
has out '2 of 6 devices; --limit 0 shows all'
run 0 devices $config contoso --user "x' OR 1=1 --"
has out 'no device of contoso fits'
run 64 devices $config contoso --access blokced
has err 'did you mean blocked'

run 0 explain $config contoso bob@contoso.example
has out 'androidc1000000002 of bob@contoso.example (Bob)'
has out 'block (row D11, reason notEnrolled)'
has out 'no enrolled device of this user has this device id'
has out 'the device enrolled by this user, and compliant -> withdraw (D19)'
has out 'easgate approve contoso bbbbbbbb-0000-4000-8000-000000000002 --device 22222222-0000-4000-8000-000000000001'
has out 'device manager'
has out '3 min ago'
run 0 explain $config contoso APPLC7KJ0003
has out 'blocked: entry of easgate, written 3 min ago by run bbbbbbbb'
has out 'the device manager reports it compliant -> withdraw (D19)'
has out 'managed-2, compliance noncompliant'
hasnt out "$(printf '\033')"
run 0 explain $config contoso dave@contoso.example
has out 'allowed: entry of an administrator or another tool'
has out "the administrator's entry removed from the mailbox's lists -> block (D11)"
run 0 explain $config contoso eve@contoso.example --json
json easgate.explain/1 'd["devices"][0]["decision"]["row"] == "D03" and d["devices"][0]["device"]["display_name"] == "伊芙"'
json easgate.explain/1 'any(i["name"] == "licence" and i["value"] == "no" and i["from"] == "device manager" for i in d["devices"][0]["inputs"])'
run 1 explain $config contoso nobody --json
json easgate.explain/1 '"nobody" in d["error"]["message"]'

run 0 audit $config contoso
has out 'test.run'
run 0 audit $config contoso verify
has out 'the audit chain is whole'
run 0 audit $config contoso list --json --limit 1
json easgate.audit/1 'len(d["audit"]) == 1 and len(d["audit"][0]["hash"]) == 64'
if command -v sqlite3 >/dev/null; then
    sqlite3 "$work/state/contoso.db" 'DROP TRIGGER audit_no_update; UPDATE audit SET subject = "x" WHERE seq = 2'
    run 1 audit $config contoso verify
    has out 'broken at row 2'
    run 1 audit $config contoso verify --json
    json easgate.audit/1 'd["whole"] is False and d["first_broken"] == 2'
fi

run 1 approve $config contoso cccccccc
has err 'has no held actions'
run 1 approve $config contoso bbbb --device nothing
has err 'is not held in run bbbbbbbb'

rm "$work/state"/contoso.db*
"$make_state" "$work/state" hold || say 'make_state hold failed'
run 0 status $config
has out 'contoso: on hold'
has out 'the service account was refused (401)'

# ---- a full disk is no success
if [ -c /dev/full ]; then
    "$easgate" help >/dev/full 2>"$work/err"
    got=$?
    made=$((made + 1))
    [ "$got" -eq 1 ] || say "help to a full disk: exit code $got"
fi

[ $failed -eq 0 ] && echo "ok - $made checks" || echo "not ok - $made checks, $failed failed"
[ $failed -eq 0 ]
