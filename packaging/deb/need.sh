# SPDX-License-Identifier: Apache-2.0
# Sourced: `need PACKAGE...` installs what is missing; where it cannot, it says what that is and fails.
need() {
  local p missing=()
  for p in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2> /dev/null | grep -q '^installed' || missing+=("$p")
  done
  [ ${#missing[@]} != 0 ] || return 0
  [ "$(id -u)" = 0 ] || { echo "missing packages, please install: ${missing[*]}" >&2; return 1; }
  echo "installing: ${missing[*]}"
  apt-get update -qq || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}
