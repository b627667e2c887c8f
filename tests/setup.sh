#!/usr/bin/env bash
# Installs the packages that the tests need and this Debian lacks. Names them first; does nothing when all are there. WITH names programs that
# a test beyond `make test` needs, each in the package of its name.

has() {
  command -v "$1" >/dev/null 2>&1
}

compiles() { # COMPILER FLAGS… <source
  "$@" -x c - -o /dev/null >/dev/null 2>&1
}

# A python3 that is not Debian's may come first in the path.
hasJsonschema() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null && return
  done
  return 1
}

hasPrometheusClient() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import prometheus_client.openmetrics.parser' 2>/dev/null && return
  done
  return 1
}

# Prints the package of a library that has no header here.
library() { # PACKAGE HEADER [FLAG…]
  printf '#include <stdio.h>\n#include <%s>\n' "$2" | compiles gcc -fsyntax-only "${@:3}" || echo "$1"
}

# The libraries that tests/hosts.sh puts into a pool.
missingHosts() {
  library libjansson-dev jansson.h
  library libcjson-dev cjson/cJSON.h
  library libexpat1-dev expat.h
  library libxml2-dev libxml/parser.h -I/usr/include/libxml2
  library libgmp-dev gmp.h
  library libcurl4-openssl-dev curl/curl.h
  library libuv1-dev uv.h
  library liblua5.4-dev lua.h -I/usr/include/lua5.4
  library zlib1g-dev zlib.h
  library libpcre2-dev pcre2posix.h
  library libnghttp2-dev nghttp2/nghttp2.h
  library libsqlite3-dev sqlite3.h
  library libmicrohttpd-dev microhttpd.h
}

missingPackages() {
  local program
  has gcc || echo gcc
  has make || echo make
  has nm || echo binutils
  has g++ || echo g++
  echo '#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>' | compiles gcc -fsyntax-only || echo libcmocka-dev
  echo '#include <check.h>' | compiles gcc -fsyntax-only || echo check
  echo '#include <zstd.h>' | compiles gcc -fsyntax-only || echo libzstd-dev
  has clang || echo clang
  has clang-format || echo clang-format
  has clang-tidy || echo clang-tidy
  has strace || echo strace
  has valgrind || echo valgrind
  has spin || echo spin
  has cmake || echo cmake
  has meson || echo meson
  has ninja || echo ninja-build
  has pkg-config || echo pkg-config
  has mandoc || echo mandoc
  has man || echo man-db
  has fish || echo fish
  has zsh || echo zsh
  has abidiff || echo abigail-tools
  has i686-linux-gnu-gcc || printf '%s\n' gcc-i686-linux-gnu libc6-dev-i386-cross
  has s390x-linux-gnu-gcc || printf '%s\n' gcc-s390x-linux-gnu libc6-dev-s390x-cross
  has qemu-s390x || echo qemu-user
  hasJsonschema || echo python3-jsonschema
  hasPrometheusClient || echo python3-prometheus-client
  for program in ${WITH:-}; do has "$program" || echo "$program"; done
  missingHosts
  if has clang && ! echo 'int main(void) { return 0; }' | compiles clang -fsanitize=address; then
    echo "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
  fi
}

install() {
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo && sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
  has apt-get || return 1
  "${root[@]}" apt-get update -q >/dev/null &&
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -q -y --no-install-recommends "$@" >/dev/null
}

# Twice: which runtime the sanitizers need is known once clang is there.
for pass in first second; do
  mapfile -t missing < <(missingPackages)
  [ ${#missing[@]} -gt 0 ] || exit 0
  echo "setup: installing ${missing[*]} ($pass pass)"
  install "${missing[@]}" || echo "setup: could not install all of: ${missing[*]}"
done
mapfile -t missing < <(missingPackages)
[ ${#missing[@]} -eq 0 ] || echo "setup: still missing: ${missing[*]}; what needs them will fail or be skipped"
