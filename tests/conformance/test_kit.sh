#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kit finds what is wrong: each misdeed of the bad plugin fails the case that is there for it, and
# the sane one fails none.
# usage: test_kit.sh CONFORM BAD.so BAD_ENTRY.so
set -u
conform=$1 bad=$2 bad_entry=$3
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0
made=0

run() # misdeed case
{
    printf 'module: bad\nmisdeed: %s\npassword: env:EASGATE_CONFORM_CANARY\nserver: x\n' "$1" > "$tmp/c.yaml"
    "$conform" --config "$tmp/c.yaml" --only "$2" --incomplete "$tmp/c.yaml" "$bad" > "$tmp/out" 2>&1
}

expect() # misdeed case text
{
    made=$((made + 1))
    run "$1" "$2"
    if ! grep -q '^not ok 1' "$tmp/out" || ! grep -q -e "$3" "$tmp/out"; then
        failed=$((failed + 1))
        echo "# misdeed $1: the case $2 must fail with '$3', and says:"
        sed 's/^/#   /' "$tmp/out"
    fi
}

for case in load descriptor options lifecycle walk sizes cancel deadline refusal memory hygiene; do
    made=$((made + 1))
    run none $case
    if ! grep -q '^ok 1' "$tmp/out"; then
        failed=$((failed + 1))
        echo "# the sane plugin fails the case $case:"
        sed 's/^/#   /' "$tmp/out"
    fi
done

expect hidden-required options 'complains without the place'
expect descriptor-left lifecycle 'descriptors were lost'
expect grown-host sizes 'with larger structs'
expect silent-error walk 'without a message'
expect two-lines walk 'several lines'
expect message-beside-ok walk 'left a message: all is well'
expect twice walk 'emitted more than once'
expect blank walk 'required and blank'
expect crash walk 'crashed with signal'
expect deaf cancel 'it took'
expect deaf deadline 'it took'
expect cancel-ok cancel 'returned ok with 3 of 40'
expect cancel-failed cancel "returned 'fail'"
expect stubborn refusal 'after a refusal'
expect own-status refusal "returned 'fail'"
expect swallow refusal "returned 'ok'"
expect none completeness 'it returned ok with 40 objects'
expect secret-logged hygiene 'the secret was seen'
# where nobody counts allocations, the kit says so
run none memory
if ! grep -q SKIP "$tmp/out"; then
    expect leak lifecycle 'blocks were lost'
    expect short-when-poor memory 'returned ok with 3 of 40'
fi

made=$((made + 1))
"$conform" --only load "$bad_entry" > "$tmp/out" 2>&1
for text in 'exports bad_export' 'another descriptor' 'accepts an offer of ABI 999'; do
    grep -q "$text" "$tmp/out" || {
        failed=$((failed + 1))
        echo "# the case load must say '$text', and says:"
        sed 's/^/#   /' "$tmp/out"
    }
done

# the other renderings and the command line
made=$((made + 1))
run none walk
"$conform" --json --config "$tmp/c.yaml" --only walk --in-process "$bad" > "$tmp/out" 2>&1
grep -q '{"case":"walk","asks":".*","result":"ok"}' "$tmp/out" &&
    grep -q '{"cases":1,"failed":0,"skipped":0}' "$tmp/out" ||
    { failed=$((failed + 1)); echo "# --json says:"; cat "$tmp/out"; }
"$conform" --only nothing "$bad" > "$tmp/out" 2>&1
[ $? = 64 ] || { failed=$((failed + 1)); echo "# an unknown case is not a usage error"; }
"$conform" --nothing "$bad" > "$tmp/out" 2>&1
[ $? = 64 ] || { failed=$((failed + 1)); echo "# an unknown option is not a usage error"; }

echo "$made expectations, $failed failed"
[ $failed = 0 ]
