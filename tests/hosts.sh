#!/usr/bin/env bash
# mema inside other libraries: each adapter with the real library, with refused requests and with mistakes; the programs of docs/hosts.md.
# With WHOLE=1 (make test-hosts), each request of Lua and SQLite is refused; otherwise a part of them.
. "$(dirname "$0")/checks.sh"
read -r -a cc <<<"$CC"
strict=(-std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Wshadow -Werror -Iinclude)

hasHeader() { # HEADER FLAG…
  echo "#include <stdio.h>
#include <$1>" | "${cc[@]}" "${@:2}" -fsyntax-only -x c - 2>/dev/null
}

runs() { # NAME FLAG…
  "${cc[@]}" "${strict[@]}" "tests/hosts/$1.c" "$BUILD/libmema.a" -pthread "${@:2}" -o "$scratch/$1" && guarded "$scratch/$1"
}

host() { # NAME HEADER FLAG…
  if hasHeader "${@:2}"; then check "$1" runs "$1" "${@:3}"; else skip "$1" "there is no $2"; fi
}

# One source file has the implementation, others use it, one of them in C++.
isOneStack() {
  printf '#define MEMA_CURRENT_IMPLEMENTATION\n#include <mema_current.h>\n' >"$scratch/implementation.c"
  printf '#include <mema_current.h>\nvoid *ask(void);\nvoid *ask(void) { return mema_currentMalloc(10); }\n' >"$scratch/ask.c"
  printf '%s\n' '#include <mema_current.h>' 'extern "C" void *ask(void);' 'int main() {' 'mema_Pool pool;' \
    'if (!mema_initPool(&pool, 100)) return 1;' '{ mema::current scope(&pool); if (!scope || ask() == nullptr) return 2; }' \
    'return pool.freeSize == 90 && mema_currentPool() == nullptr && mema_freePool(&pool) ? 0 : 3; }' >"$scratch/main.cpp"
  (cd "$scratch" && "${cc[@]}" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror -I"$OLDPWD/include" -c implementation.c ask.c) &&
    g++ -std=c++11 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude "$scratch"/{main.cpp,implementation.o,ask.o} "$BUILD/libmema.a" -pthread \
      -o "$scratch/units" && guarded "$scratch/units"
}

implementationInCpp() {
  echo '#define MEMA_CURRENT_IMPLEMENTATION
#include <mema_current.h>' | g++ -std=c++11 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude -x c++ -c - -o "$scratch/implementation.o"
}

isSelfContained() {
  local compiler
  for compiler in "${cc[*]} -std=c11 -x c" 'g++ -std=c++11 -x c++'; do
    # shellcheck disable=SC2086
    echo '#include <mema_lua.h>
#include <mema_sqlite.h>
#include <mema_host.h>' | $compiler -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude -isystem /usr/include/lua5.4 -c - -o "$scratch/first.o" || return
  done
}

# The example server, asked by good clients and greedy ones at once.
serves() {
  "${cc[@]}" -std=c11 -Wall -Wextra -Wshadow -Werror -O1 -Iinclude examples/server/server.c "$BUILD/libmema.a" -lmicrohttpd -pthread -o "$scratch/server" &&
    guarded python3 tests/hosts/server.py "$scratch/server"
}

# ---- docs/hosts.md: each C program in it; its first line says how to build it, and the text below it is what it prints ---------------------

extract() { # N
  rm -f "$scratch"/program.c "$scratch"/expected
  awk -v n="$1" -v program="$scratch/program.c" -v expected="$scratch/expected" '
    $0 == "```c" { count++; inside = count == n ? 1 : 0; found = 0; next }
    $0 == "```text" && count == n && !found { inside = 2; found = 1; next }
    $0 == "```" { inside = 0; next }
    inside == 1 { print > program }
    inside == 2 { print > expected }
    count > n { exit }
  ' docs/hosts.md
  [ -f "$scratch/program.c" ]
}

doesWhatItSays() {
  local flags
  read -r -a flags < <(sed -n '1s,^/\* gcc [a-z]*\.c \(.*\) \*/$,\1,p' "$scratch/program.c" | sed 's/-lmema//')
  "${cc[@]}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -Iinclude "$scratch/program.c" "$BUILD/libmema.a" -pthread "${flags[@]}" -o "$scratch/program" &&
    (cd "$scratch" && guarded ./program >printed) && { [ ! -f "$scratch/expected" ] || diff "$scratch/expected" "$scratch/printed"; }
}

programsOfThePage() {
  local n=1 name
  while extract $n; do
    name=$(sed -n '1s,^/\* gcc \([a-z]*\)\.c .*,\1,p' "$scratch/program.c")
    check "docs/hosts.md: $name" doesWhatItSays
    n=$((n + 1))
  done
  check 'docs/hosts.md has programs' test "$n" -gt 1
}

check 'current' runs current
check 'several source files have one stack' isOneStack
check 'the implementation is C++ too' implementationInCpp
check 'each header can be the first' isSelfContained
host jansson jansson.h -ljansson
host cjson cjson/cJSON.h -lcjson
host expat expat.h -lexpat
host libxml2 libxml/parser.h -isystem /usr/include/libxml2 -lxml2
host gmp gmp.h -lgmp
host curl curl/curl.h -lcurl
host libuv uv.h -luv
host lua lua.h -isystem /usr/include/lua5.4 -llua5.4
host sqlite sqlite3.h -lsqlite3
check 'the hooks of quickjs' runs quickjsHooks -isystem tests/hosts/standIn
# QUICKJS is a directory with the library, as tests/quickjs.sh makes it (make test-hosts).
host quickjs quickjs.h ${QUICKJS:+-isystem "$QUICKJS" -L"$QUICKJS"} -isystem /usr/include/quickjs -L/usr/lib/quickjs -lquickjs -lm -ldl
host zlib zlib.h -lz
host zstd zstd.h -lzstd
host pcre2 pcre2posix.h -lpcre2-8
host nghttp2 nghttp2/nghttp2.h -lnghttp2
if hasHeader microhttpd.h && command -v python3 >/dev/null; then
  check 'examples/server' serves
else
  skip 'examples/server' 'there is no microhttpd.h, or no python3'
fi
programsOfThePage
finish
