#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds with gcc (ASan and UBSan) and with clang, runs the tests, and
# ends with one line: N passed, N failed, N skipped.
#
#   bash tests/run.sh            what every change has to pass (CI)
#   bash tests/run.sh quick      gcc with the sanitizers, the labels that take seconds
#   bash tests/run.sh full       also faults, memcheck and packages: nightly, and before a release
#
# EASGATE_BUILD_ROOT: where the builds go (default: below the checkout, build-*).
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
what=${1:-all}
case $what in all | quick | full) ;; *)
    echo "usage: bash tests/run.sh [quick|full]" >&2
    exit 64 ;;
esac
. tests/setup.sh

root=${EASGATE_BUILD_ROOT:-$top}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
jobs=$(nproc)
failed=0
started=$SECONDS
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1

leg() { # name, configure options; ctest options in the array `select`
    local name=$1
    shift
    local build=$root/build-$name
    echo "== $name: configure and build"
    if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER_LAUNCHER=ccache -DEASGATE_WERROR=ON "$@" > "$results/$name.log" 2>&1 &&
        ninja -C "$build" >> "$results/$name.log" 2>&1; }; then
        tail -n 60 "$results/$name.log"
        echo "== $name: the build failed"
        failed=$((failed + 1))
        return
    fi
    if grep -q 'warning:' "$results/$name.log"; then
        grep 'warning:' "$results/$name.log" | sort | uniq -c | head -20
        echo "== $name: warnings"
        failed=$((failed + 1))
    fi
    echo "== $name: test (after $((SECONDS - started)) s)"
    ctest --test-dir "$build" --parallel "$jobs" --schedule-random --output-on-failure --no-tests=error --repeat until-pass:2 \
        --output-junit "$results/$name.xml" "${select[@]}" | grep -vE '^ *Start +[0-9]+:' || true
}

quick='unit|sync|abi|conformance|plugins|lint'
if [ "$what" = quick ]; then
    select=(-L "$quick")
    leg asan -DCMAKE_BUILD_TYPE=Debug "-DEASGATE_SANITIZE=address,undefined" -DCMAKE_C_COMPILER=gcc
else
    # Peers and process tests share the machine with everything else: a test may be tried twice, and
    # ctest says so ("Test #n: ... Failed", then "Passed").
    select=(-LE 'bench|packaging|valgrind|fault')
    leg asan -DCMAKE_BUILD_TYPE=Debug "-DEASGATE_SANITIZE=address,undefined" -DCMAKE_C_COMPILER=gcc
    select=(-L 'unit|sync|abi')
    leg clang -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang
    if [ "$what" = full ]; then
        # Faults, the packages' tests and memcheck want the program as it is shipped.
        select=(-L 'packaging|valgrind|fault')
        leg release -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=gcc -DEASGATE_VALGRIND=ON
    fi
fi

echo
python3 - "$failed" "$((SECONDS - started))" "$results"/*.xml <<'P'
import sys, xml.etree.ElementTree as tree
failed, seconds = int(sys.argv[1]), int(sys.argv[2])
passed = skipped = 0
for path in sys.argv[3:]:
    try:
        root = tree.parse(path).getroot()
    except OSError:
        continue
    for case in root.iter("testcase"):
        name = path.rsplit("/", 1)[-1][:-4] + ": " + case.get("name")
        status = case.get("status")
        if status == "run":
            passed += 1
        elif status in ("notrun", "disabled"):
            why = [l for l in (case.findtext("system-out") or "").splitlines() if l.startswith("SKIP")]
            print("skipped", name, "-", why[0][5:].strip() if why else "no reason given")
            skipped += 1
        else:
            print("FAILED", name)
            failed += 1
if passed == 0:
    failed += 1
print("in %d min %02d s" % divmod(seconds, 60))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed else 0)
P
