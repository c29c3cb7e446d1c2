# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run.sh and etc/demo/run.sh: installs what tests/packages.txt names and this
# machine lacks. Works as root; as another user it says what to install.
missing=()
while read -r package _; do
    case $package in '' | '#'*) continue ;; esac
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || missing+=("$package")
done < "$top/tests/packages.txt"
if ((${#missing[@]})); then
    if ((EUID != 0)); then
        printf 'missing packages, please install: apt-get install %s\n' "${missing[*]}" >&2
        exit 1
    fi
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    # Services that a package brings are not started: the tests start their own.
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.easgate
    chmod 755 /usr/sbin/policy-rc.d.easgate
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        mv /usr/sbin/policy-rc.d.easgate /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    else
        rm -f /usr/sbin/policy-rc.d.easgate
    fi
    apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
    if [ -n "$(trap -p EXIT)" ]; then
        rm -f /usr/sbin/policy-rc.d
        trap - EXIT
    fi
fi
