# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced with H set to this directory: installs what packages.txt names and this machine lacks; WINDEPS_SKIP names
# packages to leave out.
. "$H/../deb/need.sh"
# shellcheck disable=SC2046
need $(sed 's/ *#.*//' "$H/packages.txt" | grep -vxE "${WINDEPS_SKIP:-}|")
