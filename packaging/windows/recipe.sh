# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# How each Windows dependency is built; sourced by build-windeps.sh, and part of the cache key.
# In: S (unpacked sources), B (build directories), OUT (prefix), TC (toolchain file), J (jobs).

DEPS=${DEPS:-openssl sqlite3 libyaml libxml2 cjson curl}      # in build order: curl needs openssl
# The series of each library: another series is a decision. The code must also build with Debian 12's own versions
# (OpenSSL 3.0, curl 7.88, SQLite 3.40), so it uses nothing newer.
declare -A SERIES=([openssl]=3.5. [curl]=8.14. [libxml2]=2.12.7+dfsg+really2.9. [libyaml]=0.2. [sqlite3]=3.46. [cjson]=1.7.)

CM=(-G Ninja -DCMAKE_TOOLCHAIN_FILE="$TC" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX="$OUT" -DCMAKE_INSTALL_LIBDIR=lib)
# No ccache: this runs only when the recipe or a version changes; what is worth keeping is the finished tree.
MAP="-fno-ident -ffile-prefix-map=$B=build -ffile-prefix-map=$S=src"
HARD="-fstack-protector-strong -D_FORTIFY_SOURCE=2"
LDF="-static-libgcc -Wl,--no-insert-timestamp,--dynamicbase,--nxcompat,--high-entropy-va"
cm(){ local n=$1; shift; cmake "${CM[@]}" -S "$S/$n" -B "$B/$n" "$@"; ninja -j"$J" -C "$B/$n"; ninja -C "$B/$n" install; }

build_openssl(){
  mkdir -p "$B/openssl"; cd "$B/openssl"
  # OSSL_WINCTX: directories come from the registry and are NULL when absent, so that no configuration
  # or module is loaded from a path that a user could create. Stack protector off: it would need libssp too.
  # OpenSSL writes CC and all flags into libcrypto; the wrapper keeps paths out of them.
  printf '#!/bin/sh\nexec x86_64-w64-mingw32-gcc-win32 %s "$@"\n' "$MAP" > x86_64-w64-mingw32-gcc-easgate
  chmod +x x86_64-w64-mingw32-gcc-easgate; PATH=$PWD:$PATH
  CC=gcc-easgate perl "$S/openssl/Configure" mingw64 --cross-compile-prefix=x86_64-w64-mingw32- --prefix=C:/unused --libdir=lib --openssldir=C:/unused/ssl \
    shared no-apps no-tests no-docs no-engine no-legacy no-module no-autoload-config no-dtls no-comp no-ssl3 no-weak-ssl-ciphers no-uplink \
    no-cmp no-ts no-rc4 no-rc2 no-idea no-seed no-bf no-cast no-mdc2 no-md4 no-whirlpool no-camellia no-aria no-sm2 no-sm3 no-sm4 no-gost \
    no-srp no-psk no-quic no-sctp no-ct \
    -D_WIN32_WINNT=0x0A00 -DOSSL_WINCTX=easgate -static-libgcc -Wl,--no-insert-timestamp
  make -j"$J" build_generated
  make -j"$J" libcrypto-3-x64.dll libssl-3-x64.dll      # the DLLs only: build_sw compiles their static twins too
  mkdir -p "$OUT/include/openssl"; cp libcrypto-3-x64.dll libssl-3-x64.dll "$OUT/bin"; cp libcrypto.dll.a libssl.dll.a "$OUT/lib"
  cp "$S"/openssl/include/openssl/*.h include/openssl/*.h "$OUT/include/openssl"; }
build_sqlite3(){
  mkdir -p "$B/sqlite3"; cd "$B/sqlite3"
  "$S/sqlite3/configure" --disable-tcl --disable-readline; make sqlite3.c sqlite3.h      # the amalgamation, made natively
  # shellcheck disable=SC2086
  x86_64-w64-mingw32-gcc-win32 -O2 -g $HARD $MAP -DSQLITE_API='__declspec(dllexport)' -DSQLITE_THREADSAFE=1 -DSQLITE_DQS=0 \
     -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_SHARED_CACHE -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_ENABLE_COLUMN_METADATA -c sqlite3.c -o s.o
  # shellcheck disable=SC2086
  x86_64-w64-mingw32-gcc-win32 -shared $LDF -Wl,--exclude-libs,ALL,--out-implib,libsqlite3.dll.a s.o -Wl,-Bstatic,-lssp,-Bdynamic -o libsqlite3-0.dll
  cp libsqlite3-0.dll "$OUT/bin"; cp libsqlite3.dll.a "$OUT/lib"; cp sqlite3.h "$OUT/include"
  pc sqlite3 SQLite "$(sed -n 's/^#define SQLITE_VERSION *"\(.*\)"/\1/p' sqlite3.h)" -lsqlite3; }
# Libraries that bring no .pc file get one: the same pkg_check_modules then serves Linux and Windows.
pc(){ # file name version libs
  # shellcheck disable=SC2016
  printf 'prefix=%s\nName: %s\nDescription: %s\nVersion: %s\nLibs: -L${prefix}/lib %s\nCflags: -I${prefix}/include\n' '${pcfiledir}/../..' "$2" "$2" "$3" "$4" > "$OUT/lib/pkgconfig/$1.pc"; }
build_libyaml(){ cm libyaml -DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF
  pc yaml-0.1 yaml "$(sed -n 's/^#define YAML_VERSION_STRING "\(.*\)"/\1/p' "$B/libyaml/include/config.h")" -lyaml; }
build_libxml2(){ local o a=(); for o in PYTHON LZMA ZLIB ICONV ICU HTTP FTP PROGRAMS TESTS MODULES CATALOG DOCB LEGACY DEBUG; do a+=("-DLIBXML2_WITH_$o=OFF"); done
  cm libxml2 -DBUILD_SHARED_LIBS=ON "${a[@]}"; }
build_cjson(){ cm cjson -DBUILD_SHARED_LIBS=ON -DENABLE_CJSON_TEST=OFF -DENABLE_CJSON_UTILS=OFF -DENABLE_CUSTOM_COMPILER_FLAGS=OFF -DENABLE_TARGET_EXPORT=OFF; }
build_curl(){ cm curl -DBUILD_SHARED_LIBS=ON -DBUILD_STATIC_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF \
   -DENABLE_CURL_MANUAL=OFF -DCURL_USE_OPENSSL=ON -DCURL_WINDOWS_SSPI=ON -DUSE_WIN32_IDN=ON -DHTTP_ONLY=ON -DENABLE_UNICODE=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none \
   -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_ZLIB=ON -DOPENSSL_ROOT_DIR="$OUT"; }
