#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb and option that the program has stands in its manual page and in the completion.
#   documented.sh EASGATE SOURCE_DIR
set -u
easgate=$1
page=$2/core/man/easgate.8
completion=$2/etc/completion/easgate.bash
failed=0
made=0
say() {
    echo "not ok - $*"
    failed=$((failed + 1))
}

verbs=$("$easgate" help | sed -n '/^usage/,/^Everywhere/s/^  \([a-z]*\) .*/\1/p')
[ "$(echo "$verbs" | wc -l)" -ge 13 ] || say "help lists only: $verbs"
. "$completion"
complete_words() { # the words that the completion offers after these
    COMP_WORDS=(easgate "$@")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _easgate
    echo "${COMPREPLY[@]}"
}
offered=" $(complete_words '') "
for verb in $verbs; do
    made=$((made + 2))
    grep -q "^\.Ss $verb" "$page" || say "easgate.8 has no section '$verb'"
    case $offered in
        *" $verb "*) ;;
        *) say "the completion does not offer '$verb'" ;;
    esac
    options=" $(complete_words "$verb" --) "
    for option in $("$easgate" help "$verb" | sed -n 's/^  --\([a-z-]*\).*/\1/p'); do
        made=$((made + 2))
        grep -q "Fl -$option" "$page" || say "easgate.8 does not name --$option (of $verb)"
        case $options in
            *" --$option "*) ;;
            *) say "the completion does not offer --$option for $verb" ;;
        esac
    done
done

# words of options, actions and organisations
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/orgs.d"
: >"$work/orgs.d/contoso.yaml"
expect() { # expect WORDS ARGS...
    made=$((made + 1))
    got=$(complete_words "${@:2}")
    [ "$got" = "$1" ] || say "completion of '${*:2}' is '$got', not '$1'"
}
expect 'blocked' devices contoso --access blo
expect 'contoso' status --config "$work/easgate.yaml" ''
expect 'list verify export' audit --config "$work/easgate.yaml" contoso ''
expect 'check show schema' config ''
expect 'status' sta

# inputs of the table
for input in data policy licence targeted exempt foreign hma unsupported_platform client platform record \
    activated compliance override default_access foreign_allow unknown configmanager rule failure entry; do
    made=$((made + 1))
    grep -q "^\.It $input Ta" "$page" || say "easgate.8 does not name the input $input"
    made=$((made + 1))
    echo "{\"$input\": \"no such word\"}" | "$easgate" policy decide - 2>&1 | grep -q "$input: 'no such word' is none" ||
        say "policy decide does not know $input"
done
if command -v mandoc >/dev/null; then
    made=$((made + 1))
    mandoc -T lint -W warning "$page" || say 'mandoc has warnings'
else
    echo 'SKIP: mandoc is not installed: the page is not linted'
fi
[ $failed -eq 0 ] && echo "ok - $made checks" || echo "not ok - $made checks, $failed failed"
[ $failed -eq 0 ]
