#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Speed and memory, as ratios within one run, and what a whole sync costs. Nothing here is part of
# ctest: a shared machine would make it lie.
#
#   bash tests/bench/run.sh [quick]      quick: 20,000 devices instead of 100,000 and 1,000,000
#
# Prints the tables and one line a goal: "ratio NAME VALUE GOAL" (higher is better) or
# "cost NAME VALUE GOAL" (lower is better), and ends with 1 when a goal was missed.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"
. tests/setup.sh
build=${EASGATE_BUILD_ROOT:-$top}/build-bench
cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_BUILD_TYPE=RelWithDebInfo > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
ninja -C "$build" easgate easgate-lab plugins bench >> "$build.log" 2>&1 || { tail -n 40 "$build.log"; exit 1; }
rm -f "$build.log"
out=$(mktemp)
dir=
lab=
finish() {
    [ -z "$lab" ] || kill "$lab" 2> /dev/null || true
    rm -rf "$out" ${dir:+"$dir"}
}
trap finish EXIT

"$build/bench/bench_clixml" | tee -a "$out"
"$build/bench/bench_store" | tee -a "$out"

# A whole full sync from the lab: CPU of the worker and its peak memory, as the run's own row says.
whole() { # devices, CPU goal in ms (0: none), memory goal in KiB
    dir=$(mktemp -d)
    mkfifo "$dir/ready"
    "$build/bin/easgate-lab" --dir "$dir" --devices "$1" --managed "$1" --seed 5 --quiet --parent $$ > "$dir/ready" &
    lab=$!
    read -r line < "$dir/ready"
    for kind in initial unchanged; do
        "$build/bin/easgate" sync contoso --full --config "$dir/etc/easgate.yaml" > /dev/null 2>&1
        row=$(sqlite3 "$dir/state/contoso.db" "select cpu_ms || ' ' || peak_kib from v_runs where status='done' order by started_at desc limit 1")
        printf 'full sync of %s devices, %s: %s ms of CPU, %s KiB at the peak\n' "$1" "$kind" ${row% *} ${row#* } | tee -a "$out"
        [ "$2" = 0 ] || printf 'cost full_%s_%s_cpu_ms %s %s\n' "$1" "$kind" "${row% *}" "$2" | tee -a "$out"
        printf 'cost full_%s_%s_peak_kib %s %s\n' "$1" "$kind" "${row#* }" "$3" | tee -a "$out"
    done
    kill "$lab"
    wait "$lab" 2> /dev/null || true
    lab=
    rm -rf "$dir"
    dir=
}
if [ "${1:-}" = quick ]; then
    whole 20000 1200 65536
else
    whole 100000 6000 65536
    whole 1000000 0 65536
fi

echo
awk '$1 == "ratio" { bad = $3 < $4 } $1 == "cost" { bad = $3 > $4 }
     $1 == "ratio" || $1 == "cost" { printf "%-6s %-34s %10s, goal %s\n", bad ? "MISSED" : "met", $2, $3, $4; missed += bad }
     END { exit missed > 0 }' "$out"
