#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Windows x64 DLLs that easgate needs, from Debian's source packages.
#
#   build-windeps.sh OUTDIR
#
# Result:  OUTDIR/{bin,lib,include,debug,share/licenses}, OUTDIR/VERSIONS (name, version, sha256 of the .dsc), OUTDIR/.key
#          Kept as a tarball under EASGATE_CACHE; a hit asks nobody and takes a second.
# Sources: the versions in `pins`. One that the archive has no longer is replaced by the newest of its series (recipe.sh),
#          and every run says so until the pins are renewed.
# Needs:   the packages of packages.txt beside this script
# Options, all from the environment:
#   EASGATE_CACHE   default ${XDG_CACHE_HOME:-$HOME/.cache}/easgate-windeps
#   WORK            scratch directory, kept; default: a temporary one, removed
#   DEB_MIRROR      archive to take source packages from; default: the one the host's own apt uses
#   DEB_SECURITY_MIRROR  the same for security updates
#   SUITE           default trixie       DEPS  default: all       JOBS  default: nproc
#   RENEW=1         take the newest of each series and write them into `pins`
#   REBUILD=1       don't take a cached tree
# Exit:    0 built or taken from the cache; 75 nothing cached and no archive in reach; 1 a build failed
set -euo pipefail
[ $# = 1 ] || { sed -n '3,22p' "$0" >&2; exit 64; }
HERE=$(dirname "$(realpath "$0")"); TC=$(realpath "$HERE/../cmake/mingw64.cmake"); PINS=$HERE/pins
OUT=$(realpath -m "$1"); J=${JOBS:-$(nproc)}; SUITE=${SUITE:-trixie}
CACHE=$(realpath -m "${EASGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/easgate-windeps}")
export SOURCE_DATE_EPOCH=1795000000       # OpenSSL, strip and objcopy write the clock otherwise
say(){ printf '%s windeps: %s\n' "$(date +%T)" "$*" >&2; }
sum(){ sha256sum | cut -c1-"$1"; }

mkdir -p "$CACHE"/apt/{lists/partial,cache/archives/partial,sources}
if [ -n "${WORK:-}" ]; then WORK=$(realpath -m "$WORK"); mkdir -p "$WORK"
else WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT; fi
S=$WORK/src B=$WORK/b
# shellcheck source=recipe.sh
. "$HERE/recipe.sh"

# --- the key: recipe, compiler and versions --------------------------------------------------------
BASE=$( { cat "$HERE/recipe.sh" "$TC"; echo "$SUITE $DEPS $SOURCE_DATE_EPOCH"; x86_64-w64-mingw32-gcc-win32 --version | head -1
          dpkg-query -W libz-mingw-w64-dev mingw-w64-x86-64-dev; } | sum 12)
key(){ echo "$BASE-$(cut -d' ' -f1,2 "$1" | LC_ALL=C sort | sum 8)"; }      # of a file in the form of `pins`
unpack(){ rm -rf "$OUT"; mkdir -p "$OUT"; tar -C "$OUT" --zstd -xf "$CACHE/windeps-$1.tar.zst"; say "cache hit $1"; }
if [ -z "${RENEW:-}${REBUILD:-}" ] && [ -f "$CACHE/windeps-$(key "$PINS").tar.zst" ]; then unpack "$(key "$PINS")"; exit 0; fi

# --- what is to be had: a private apt, /etc/apt and /var/lib/apt are left alone -----------------
hosts_uri(){ # label as in the Release file, last word of the URI: what the host's own apt uses
  { apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n "s/^$1|//p"
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null \
      | sed -nE 's/^(deb (\[[^]]*\] )?|URIs: *)(https?:[^ ]*)( .*|$)/\3/p' | grep -E "/$2/?\$"
  } | awk 'NR == 1' || true; }
index(){ # fills CAND: "name version" lines, the pinned one first, then newest first
  local m s n
  m=${DEB_MIRROR:-$(hosts_uri Debian debian)}; s=${DEB_SECURITY_MIRROR:-$(hosts_uri Debian-Security debian-security)}
  [ -n "$m" ] || { say "no archive known: set DEB_MIRROR"; return 1; }
  { printf 'Types: deb-src\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' "$m" "$SUITE" "$SUITE"
    [ -z "$s" ] || printf 'Types: deb-src\nURIs: %s\nSuites: %s-security\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$s" "$SUITE"
  } > "$CACHE/apt/sources/s.sources"
  cat > "$CACHE/apt/apt.conf" <<A
Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "$CACHE/apt/sources";
Dir::State::lists "$CACHE/apt/lists"; Dir::Cache "$CACHE/apt/cache";
APT::Sandbox::User "$(id -un)"; Acquire::Languages "none"; Acquire::Retries "3"; Acquire::http::Timeout "20";
A
  APT_CONFIG=$CACHE/apt/apt.conf apt-get -q -o APT::Update::Error-Mode=any update > "$WORK/apt.log" 2>&1 || { tail -3 "$WORK/apt.log" >&2; return 1; }
  CAND=$(for n in $DEPS; do
    [ -n "${RENEW:-}" ] || sed -n "s/^\($n [^ ]*\).*/\1/p" "$PINS"
    APT_CONFIG=$CACHE/apt/apt.conf apt-cache showsrc --only-source "$n" 2>/dev/null | sed -n 's/^Version: //p' | sort -urV \
      | while read -r v; do case ${v#*:} in "${SERIES[$n]}"*) echo "$n $v";; esac; done
  done)
  for n in $DEPS; do grep -q "^$n " <<<"$CAND" || { say "the archive has no $n ${SERIES[$n]}*"; return 1; }; done; }
CAND=
if ! index; then
  t=$(find "$CACHE" -maxdepth 1 -name "windeps-$BASE-*.tar.zst" -printf '%T@ %f\n' | sort -rn | sed -n '1s/.*windeps-\(.*\)\.tar\.zst/\1/p')
  [ -n "$t" ] || { say "no cached tree and no archive in reach"; exit 75; }
  say "archive not asked: taking another version's tree"; unpack "$t"; exit 0
fi

# --- sources ----------------------------------------------------------------------------------
rm -rf "$S" "$B"; mkdir -p "$S" "$B"; : > "$WORK/VERSIONS"
same(){ # DSC: its files are those that it lists
  (cd "$S" && sed -n '/^Checksums-Sha256:/,/^[^ ]/s/^ \([0-9a-f]*\) [0-9]* \(.*\)/\1  \2/p' "$1" | sha256sum --status -c); }
get(){ # name: unpacks the pinned version, or the newest that downloads, into $S/name
  local n=$1 v d h pin
  cd "$S"
  pin=$(sed -n "s/^$n //p" "$PINS" 2>/dev/null || true)
  while read -r _ v; do
    d=${n}_${v#*:}.dsc
    # apt-get checks the hashes against the signed index; the pin checks them against what was reviewed
    if APT_CONFIG=$CACHE/apt/apt.conf apt-get -q source --download-only --only-source "$n=$v" >> "$WORK/apt.log" 2>&1; then
      h=$(sha256sum < "$d" | cut -d' ' -f1)
      same "$d" || { say "$d: a file differs from its checksum"; return 1; }
      if [ -z "${RENEW:-}" ] && [ "${pin%% *}" = "$v" ] && [ "${pin##* }" != "$h" ]; then say "$d: sha256 $h is not the pinned one"; return 1; fi
      dpkg-source --no-check -x "$d" "$S/$n" >> "$WORK/apt.log" 2>&1
      say "$n $v"; echo "$n $v $h" >> "$WORK/VERSIONS"; return 0
    fi
    say "$n $v can't be fetched"
  done < <(grep "^$n " <<<"$CAND")
  say "no version of $n could be fetched"; return 1; }
for n in $DEPS; do get "$n" || exit 75; done
[ -z "${RENEW:-}" ] || { cp "$WORK/VERSIONS" "$PINS"; say "pins renewed"; }
diff "$PINS" "$WORK/VERSIONS" > "$WORK/changed" || { say "not as pinned (RENEW=1 renews):"; cat "$WORK/changed" >&2; }
KEY=$(key "$WORK/VERSIONS"); TAR=$CACHE/windeps-$KEY.tar.zst
if [ -z "${REBUILD:-}" ] && [ -f "$TAR" ]; then unpack "$KEY"; exit 0; fi

# --- builds -----------------------------------------------------------------------------------
rm -rf "$OUT"; mkdir -p "$OUT"/{bin,lib/pkgconfig,include,share/licenses,debug}; cp "$WORK/VERSIONS" "$OUT/VERSIONS"
export WINDEPS=$OUT
TIMEFORMAT='%R s wall, %U user + %S sys'
for n in $DEPS; do
  # not "( ... ) || fail": bash ignores set -e inside anything that stands before ||
  set +e; { time { ( set -e; "build_$n" ) > "$B/$n.log" 2>&1; }; } 2> "$B/$n.time"; rc=$?; set -e
  [ $rc = 0 ] || { tail -40 "$B/$n.log" >&2; say "$n failed"; exit 1; }
  say "$n: $(cat "$B/$n.time")"
  cp "$S/$n/debian/copyright" "$OUT/share/licenses/$n.copyright"
done
cp /usr/share/doc/libz-mingw-w64-dev/copyright "$OUT/share/licenses/zlib.copyright"      # linked into libcurl.dll
echo "zlib $(dpkg-query -W -f '${source:Version}' libz-mingw-w64-dev) static" >> "$OUT/VERSIONS"

# --- finish: debug files aside, DLLs stripped, nothing that pulls a runtime DLL -------------------
cd "$OUT"
for f in bin/*.dll; do
  n=$(basename "$f")
  x86_64-w64-mingw32-objcopy --only-keep-debug "$f" "debug/$n.debug"; x86_64-w64-mingw32-strip "$f"
  x86_64-w64-mingw32-objcopy --add-gnu-debuglink="debug/$n.debug" "$f"
  bad=$(x86_64-w64-mingw32-objdump -p "$f" | sed -n 's/.*DLL Name: //p' | grep -iE '^(libssp|libgcc|libwinpthread|zlib1)' || true)
  [ -z "$bad" ] || { say "$n wants $bad"; exit 1; }
done
rm -rf bin/*config bin/wcurl lib/*Conf.sh share/doc share/man
sed -i "s#$OUT#\${pcfiledir}/../..#g" lib/pkgconfig/*.pc            # the tree may be unpacked anywhere
if grep -rIl -- "$OUT" . >&2; then say "the tree holds its own path"; exit 1; fi
echo "$KEY" > .key
tar --zstd --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$TAR.new" . && mv "$TAR.new" "$TAR"
say "kept $(du -h "$TAR" | cut -f1) as $KEY"
