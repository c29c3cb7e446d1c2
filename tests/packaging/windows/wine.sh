# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: what the tests under wine share. W: directory of this run, with the prefix in W/prefix. LAB: the native lab.
set -euo pipefail
T=$(dirname "$(realpath "${BASH_SOURCE[0]}")"); TOP=$(realpath "$T/../../..")
unset DISPLAY
# LC_ALL=C would mangle arguments outside ASCII; mscoree and mshtml would ask for downloads
export LC_ALL=C.UTF-8 WINEPREFIX=$W/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
# every call under timeout: a hung wine process would outlive the test; its own noise is no result
w(){ timeout -k 5 "${LIMIT:-180}" wine "$@" 2> "$W/wine.err"; }
# the next call could meet a server that is going down
settle(){ timeout 120 wineserver -w 2>/dev/null || true; }
fail(){ echo "FAILED: $*" >&2; exit 1; }
# A batch file, because a service lives only while some ordinary process runs; errorlevel, never &&: cmd of wine 8 goes on
# after && also when the command failed. `sleep N` becomes ping.
batch(){ # name; the commands on standard input; prints what they print
  sed -E 's/^sleep ([0-9]+)$/ping -n \1 127.0.0.1 >nul/; 1i @echo off' | sed 's/$/\r/' > "$W/$1.bat"
  { w cmd /c "Z:${W//\//\\}\\$1.bat" || true; } | tr -d '\r'; }
# The lab in directory $1, ready; its files name Unix paths, the copies in $1/win are for the program under wine.
start_lab(){ # directory, options of the lab
  local d=$1; shift
  mkdir -p "$d"; mkfifo "$d/ready"
  "$LAB" --dir "$d" --parent $$ "$@" > "$d/ready" 2> "$d/lab.log" & LAB_PID=$!
  read -r _ < "$d/ready"
  mkdir -p "$d/win/orgs.d"
  for f in easgate.yaml orgs.d/contoso.yaml; do
    sed -e "s#\"$d#\"Z:$d#; s#file:$d#file:Z:$d#g; s#\"file:$d#\"file:Z:$d#" "$d/etc/$f" > "$d/win/$f"
  done; }
stop_lab(){ kill "$LAB_PID" 2>/dev/null || true; wait "$LAB_PID" 2>/dev/null || true; }
