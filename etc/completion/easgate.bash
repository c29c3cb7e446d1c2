# SPDX-License-Identifier: Apache-2.0
# bash completion of easgate(8): verbs, options, organisations, and the words of options.

_easgate_orgs() {
    local config=/etc/easgate/easgate.yaml i file
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --config) config=${COMP_WORDS[i + 1]} ;;
            --config=*) config=${COMP_WORDS[i]#--config=} ;;
        esac
    done
    for file in "$(dirname -- "$config")"/orgs.d/*.yaml; do
        [ -e "$file" ] && basename -- "$file" .yaml
    done
}

_easgate() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    local common="--json --config --state-dir --help" words="" operands=0 i skip=0

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="run check sync plan apply approve adopt release device status devices explain replay audit mail policy plugins config service version help"
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        return
    fi
    case $prev in
        --config | --dump | --out | --file | --policy) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --state-dir) COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --list) words="allowed blocked" ;;
        --format) words="jsonl cef" ;;
        --access) words="allowed blocked quarantined discovery unknown" ;;
        --verdict) words="allow block withdraw leave none" ;;
        --compliance) words="compliant grace noncompliant conflict error unknown external none" ;;
        --row) words="$(printf 'D%02d ' $(seq 19))R01 F01 F02" ;;
        --user | --limit | --device | --run | --account) return ;;
    esac
    if [ -n "$words" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        return
    fi
    # operands before the cursor, without the values of options
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [ "$skip" -eq 1 ]; then
            skip=0
            continue
        fi
        case ${COMP_WORDS[i]} in
            --config | --state-dir | --dump | --out | --file | --policy | --list | --format | --access | --verdict | --compliance | --row | --user | \
                --limit | --device | --run | --account) skip=1 ;;
            -*) ;;
            *) operands=$((operands + 1)) ;;
        esac
    done
    case $verb in
        check) words="--online --role-script" ;;
        sync) words="--full --quick --user --dry-run --retry --limit --verbose" ;;
        plan) words="--user --out --limit --verbose" ;;
        apply) words="--limit --verbose" ;;
        adopt) words="--device --list --file --dry-run --verbose" ;;
        release) words="--dry-run --limit --verbose" ;;
        approve) words="--device --policy --limit --verbose" ;;
        device) words="--account-only --confirm --verbose" ;;
        devices) words="--access --verdict --row --compliance --user --limit" ;;
        explain) words="--run" ;;
        replay) words="--policy --limit" ;;
        policy) words="--policy" ;;
        audit) words="--run --format --limit" ;;
        mail) words="--template --lang --to --html" ;;
        plugins) words="--dump" ;;
        service) words="--account" ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$words $common" -- "$cur"))
        return
    fi
    case $verb:$operands in
        check:0 | sync:0 | plan:0 | apply:0 | approve:0 | adopt:0 | release:0 | status:0 | devices:0 | explain:0 | replay:0 | audit:0 | config:1)
            words=$(_easgate_orgs)
            [ "$verb" = config ] && words="$words agent"
            ;;
        device:0) words="remove wipe" ;;
        device:1) words=$(_easgate_orgs) ;;
        audit:1) words="list verify export" ;;
        mail:0) words="preview test" ;;
        mail:1) words=$(_easgate_orgs) ;;
        config:0) words="check show schema" ;;
        service:0) words="install remove status" ;;
        policy:0) words="decide" ;;
        policy:1 | apply:1) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        help:0) words="run check sync plan apply approve adopt release device status devices explain replay audit mail policy plugins config service version" ;;
        *) words="" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _easgate easgate
