#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# life.sh OLD.msi NEW.msi: install, upgrade, refused downgrade, removal.
. "$(dirname "$(realpath "$0")")/wine.sh"
d=$W/life; trap 'stop_lab' EXIT
start_lab "$d" --devices 20 --seed 3
cp "$1" "$W/a.msi"; cp "$2" "$W/b.msi"
M="Z:${W//\//\\}"; P='C:\ProgramData\easgate'
# the organisation's first run is due at once
sed -e 's/^schedule: .*/schedule: { quick: 1h, full: "daily 02:00", jitter: 0s }/' "$d/win/orgs.d/contoso.yaml" > "$W/contoso.yaml"
sed 's/^organization: contoso/organization: Contoso!/' "$W/contoso.yaml" > "$W/bad.yaml"
batch life <<B | tee "$W/life.out"
msiexec /i $M\\a.msi /qn CONFIG=$M\\bad.yaml ORG=bad
echo bad-config=%errorlevel%
if exist "C:\\Program Files\\easgate\\easgate.exe" echo left=program
del $P\\orgs.d\\bad.yaml 2>nul
msiexec /i $M\\a.msi /qn CONFIG=$M\\contoso.yaml ORG=contoso
echo install=%errorlevel%
sleep 20
sc query easgate | find "STATE"
"C:\\Program Files\\easgate\\easgate.exe" service status
"C:\\Program Files\\easgate\\easgate.exe" status contoso
echo status=%errorlevel%
echo # local edit>> $P\\easgate.yaml
msiexec /i $M\\b.msi /qn
echo upgrade=%errorlevel%
find "local edit" $P\\easgate.yaml >nul
echo edit-lost=%errorlevel%
if not exist $P\\orgs.d\\contoso.yaml echo left=no-organisation
if not exist $P\\state\\contoso.db echo left=no-state
sleep 5
sc query easgate | find "STATE"
msiexec /i $M\\a.msi /qn
echo downgrade=%errorlevel%
net stop easgate >nul
sleep 4
msiexec /x $M\\b.msi /qn
echo uninstall=%errorlevel%
if exist "C:\\Program Files\\easgate" dir /s /b "C:\\Program Files\\easgate"
sc query easgate >nul
echo service-gone=%errorlevel%
find "local edit" $P\\easgate.yaml >nul
echo config-removed=%errorlevel%
msiexec /i $M\\a.msi /qn START=0
echo again=%errorlevel%
sc query easgate | find "STATE"
find "local edit" $P\\easgate.yaml >nul
echo edit-lost-again=%errorlevel%
msiexec /x $M\\a.msi /qn PURGE=1
echo purge=%errorlevel%
if exist $P dir /s /b $P
if exist "C:\\Program Files\\easgate" dir /s /b "C:\\Program Files\\easgate"
reg query HKLM\\SOFTWARE\\easgate >nul 2>nul
echo key-gone=%errorlevel%
B
for x in install=0 status=0 upgrade=0 edit-lost=0 downgrade=1603 uninstall=0 service-gone=1 config-removed=0 again=0 edit-lost-again=0 purge=0 key-gone=1; do
  grep -qx "$x" "$W/life.out" || fail "expected $x"
done
# 1603 by msiexec of Windows; wine tells what the custom action ended with
grep -qxE 'bad-config=(1603|1627)' "$W/life.out" || fail "a file that does not pass did not end the installation"
if grep -E '^(left=|C:.*easgate)' "$W/life.out"; then fail "left behind"; fi
[ "$(grep -c RUNNING "$W/life.out")" = 2 ] || fail "the service did not run"
[ "$(grep -c STOPPED "$W/life.out")" = 1 ] || fail "START=0 did not leave it stopped"
echo "life: install, upgrade, downgrade, removal, purge: ok"
