#!/usr/bin/env bash
# The symbols of the libraries are those of these lists; the header compiles wherever C11 or C++ does; the short names are no symbols.
. "$(dirname "$0")/checks.sh"
here=tests/exports
read -r -a extra <<<"${EXTRA:-}"

exportsAre() { # LIBRARY LIST: the difference is the complaint
  nm -D --defined-only "$1" >"$scratch/symbols" || return 1
  awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' "$scratch/symbols" | LC_ALL=C sort >"$scratch/exports"
  diff "$2" "$scratch/exports"
}

listIsTheHeaders() { # every function that the header declares is exported, and nothing else
  grep -v '^typedef' include/mema.h | grep -oE '\bmema_[a-zA-Z]+\(' | tr -d '(' | LC_ALL=C sort -u >"$scratch/declared"
  diff "$here/libmema.txt" "$scratch/declared"
}

onlyPrefixed() { # no global symbol of the static archive lacks the prefix
  nm -g --defined-only "$BUILD/libmema.a" | awk 'NF == 3 && $3 !~ /^mema_/ { print; bad = 1 } END { exit bad }'
}

noShortSymbols() { # neither defined nor asked for, even without inlining
  "$CC" -std=c11 -O0 -Iinclude -c "$here/shortNames.c" -o "$scratch/short.o" || return 1
  nm -g "$scratch/short.o" | awk '{ print $NF }' >"$scratch/names"
  grep -x mema_palloc "$scratch/names" && ! grep -xE 'initPool|palloc|pfree|freePool' "$scratch/names"
}

bothNamesInOneProgram() { # OPTIMISATION LIBRARY…
  local level=$1
  shift
  "$CC" -std=c11 -Wall -Wextra -Werror "$level" "${extra[@]}" -Iinclude "$here/ownNames.c" "$here/shortNames.c" \
    -o "$scratch/both" "$@" -pthread && LD_LIBRARY_PATH=$BUILD "$scratch/both"
}

quietHeader() { # COMPILER LANGUAGE FLAGS…: the header alone, without a word
  local compiler=$1 language=$2
  shift 2
  echo '#include "mema.h"' >"$scratch/alone.$language"
  "$compiler" -x "$language" "$@" -Wall -Wextra -Werror -pedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Iinclude \
    -fsyntax-only "$scratch/alone.$language"
}

fromCpp() { # COMPILER STANDARD
  "$1" "-std=$2" -Wall -Wextra -Werror -pedantic "${extra[@]}" -Iinclude "$here/fromCpp.cpp" -o "$scratch/cpp" \
    "$BUILD/libmema.a" -pthread && "$scratch/cpp"
}

# A function that takes a pool, of a source file without the short names, called by one with them.
betweenFilesOfCpp() { # COMPILER
  printf '#define MEMA_NO_SHORT_NAMES\n#include "mema.h"\nint taken(const mema_Pool *, const mema_Block *);\n%s\n' \
    'int taken(const mema_Pool *pool, const mema_Block *block) { return pool == nullptr && block == nullptr; }' >"$scratch/own.cpp"
  printf '#include "mema.h"\nint taken(const Pool *, const Block *);\nint main() { return taken(nullptr, nullptr) ? 0 : 1; }\n' \
    >"$scratch/short.cpp"
  "$1" -Wall -Wextra -Werror "${extra[@]}" -Iinclude "$scratch/own.cpp" "$scratch/short.cpp" -o "$scratch/both" && "$scratch/both"
}

check 'libmema.so exports tests/exports/libmema.txt' exportsAre "$BUILD/libmema.so" "$here/libmema.txt"
check 'tests/exports/libmema.txt is what mema.h declares' listIsTheHeaders
check 'libmema-preload.so exports its list' exportsAre "$BUILD/libmema-preload.so" "$here/libmema-preload.txt"
check 'libmema-record.so exports its list' exportsAre "$BUILD/libmema-record.so" "$here/libmema-record.txt"
check 'libmema.a defines mema_* only' onlyPrefixed
check 'the short names are no symbols' noShortSymbols
for level in -O0 -O2; do
  check "own names beside the short ones ($level, static)" bothNamesInOneProgram $level "$BUILD/libmema.a"
  check "own names beside the short ones ($level, shared)" bothNamesInOneProgram $level -L"$BUILD" -lmema
done
for compiler in gcc clang; do
  for standard in c11 c17 gnu2x; do
    if command -v $compiler >/dev/null; then
      check "$compiler -std=$standard" quietHeader $compiler c -std=$standard
      check "$compiler -std=$standard, no short names" quietHeader $compiler c -std=$standard -DMEMA_NO_SHORT_NAMES
      check "$compiler -std=$standard, with sites" quietHeader $compiler c -std=$standard -DMEMA_SITES
    else
      skip "$compiler -std=$standard" "no $compiler"
    fi
  done
done
for compiler in g++ clang++; do
  if ! command -v $compiler >/dev/null; then
    skip "$compiler" "no $compiler"
    continue
  fi
  for standard in c++11 c++20; do
    check "$compiler -std=$standard, header" quietHeader $compiler c++ -std=$standard
    check "$compiler -std=$standard, header, no short names" quietHeader $compiler c++ -std=$standard -DMEMA_NO_SHORT_NAMES
    check "$compiler -std=$standard, header, with sites" quietHeader $compiler c++ -std=$standard -DMEMA_SITES
    check "$compiler -std=$standard, program" fromCpp $compiler $standard
  done
  check "$compiler, files with and without short names" betweenFilesOfCpp $compiler
done
finish
