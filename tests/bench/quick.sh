#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a quick sync costs beside a full one: quick.sh BUILD-DIRECTORY [DEVICES [PER-MILLE-CHANGED]]
# Use a build without sanitizers; figures are only to be compared within one run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/../fault/exchange/quick.py" "${1:?build directory}" "${2:-100000}" "${3:-10}"
