#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# service.sh EASGATE.exe: the service without the MSI.
. "$(dirname "$(realpath "$0")")/wine.sh"
d=$W/service; trap 'stop_lab' EXIT
start_lab "$d" --devices 20 --seed 5
E="Z:${1//\//\\}" C="Z:$d/win/easgate.yaml"
batch service <<B | tee "$W/service.out"
"$E" service install --config $C
echo install=%errorlevel%
"$E" service install --config $C
echo twice=%errorlevel%
net start easgate >nul
echo start=%errorlevel%
sleep 20
"$E" service status
"$E" status contoso --config $C
echo status=%errorlevel%
"$E" service remove
echo remove=%errorlevel%
"$E" service status
echo gone=%errorlevel%
tasklist | find "easgate.exe"
echo processes=%errorlevel%
B
for x in install=0 start=0 status=0 remove=0 processes=1; do grep -qx "$x" "$W/service.out" || fail "expected $x"; done
if grep -qxE 'twice=0|gone=0' "$W/service.out"; then fail "a second service, or one that stayed"; fi
grep -q '^state  *running' "$W/service.out" || fail "the service did not run"
[ -s "$d/state/contoso.db" ] || fail "the service's worker made no state"
echo "service: install, start, status, remove: ok"
