#!/usr/bin/env bash
# The library as one source file (`make amalgamation`): it compiles without a warning, and is what libmema.a is.
. "$(dirname "$0")/checks.sh"
if ! command -v python3 >/dev/null; then
  skip 'one source file' 'python3 is not installed'
  finish
fi
build=$scratch/build single=$scratch/build/single
make -s BUILD="$build" amalgamation || echo 'make amalgamation failed'

compiles() { # OBJECT COMPILER FLAG…
  "${@:2}" -O2 -Wall -Wextra -Werror -c "$single/mema.c" -o "$scratch/$1"
}

# The header, with the warnings that its users may have on.
headerIsSilent() { # COMPILER FLAG…
  printf '#include "mema.h"\nint main(void) { return (int)sizeof(mema_Pool) == 0; }\n' >"$scratch/user.c"
  "$@" -Wall -Wextra -Wpedantic -Wconversion -Werror -I"$single" -c -o "$scratch/user.o" "$scratch/user.c"
}

# Its object has the public names of libmema.a, and each other name begins with mema_.
hasNamesOfLibrary() {
  nm -g --defined-only "$build/libmema.a" | awk 'NF == 3 { print $3 }' | sort -u >"$scratch/names"
  nm -g --defined-only "$BUILD/libmema.a" | awk 'NF == 3 { print $3 }' | sort -u | diff "$scratch/names" -
}

# The fixed engine alone asks for nothing, and the freestanding program runs with it.
fixedAlone() { # COMPILER
  local flags=(-std=c11 -Os -ffreestanding -nostdinc -isystem "$("$1" -print-file-name=include)" -fno-stack-protector)
  "$1" "${flags[@]}" -fno-asynchronous-unwind-tables -ffunction-sections -DMEMA_FIXED_ONLY -c "$single/mema.c" -o "$scratch/fixed.o" &&
    "$1" "${flags[@]}" -I"$single" -nostdlib -static -Wl,--gc-sections tests/freestanding/program.c "$scratch/fixed.o" -o "$scratch/program" &&
    "$scratch/program"
}

for compiler in gcc clang; do
  if ! command -v $compiler >/dev/null; then
    skip "$compiler" 'is not installed'
    continue
  fi
  for standard in c11 c17; do
    check "$compiler compiles it as $standard" compiles "$compiler-$standard" $compiler -std=$standard
    check "$compiler compiles the fixed engine alone as $standard" compiles "fixed-$compiler-$standard" $compiler -std=$standard -DMEMA_FIXED_ONLY
    check "$compiler is silent about the header in $standard" headerIsSilent $compiler -std=$standard
  done
  # So a test of one standard is a test of the other.
  check "$compiler makes the same code of it in C11 and C17" cmp "$scratch/$compiler-c11" "$scratch/$compiler-c17"
  check "$compiler makes the same code of the fixed engine in C11 and C17" cmp "$scratch/fixed-$compiler-c11" "$scratch/fixed-$compiler-c17"
  case $(uname -m) in x86_64 | aarch64) check "$compiler runs the fixed engine alone" fixedAlone $compiler ;; esac
done
for standard in c++11 c++17 c++20; do
  for compiler in g++ clang++; do
    if command -v $compiler >/dev/null; then check "$compiler is silent about the header in $standard" headerIsSilent $compiler -x c++ -std=$standard; fi
  done
done

# The tests are compiled fast: the library is under test, with its usual optimization.
# WHOLE=1: all programs of the unit suite, by each compiler; else one for each part of the library.
units=(arena budget chain errors fixed free marks repalloc strings subPools)
[ -z "${WHOLE:-}" ] || mapfile -t units < <(printf '%s\n' tests/unit/*.c | sed 's,.*/,,; s,\.c$,,')
makesWith() { # COMPILER DIRECTORY TEST_CFLAGS TARGET…
  TEST_CFLAGS=$3 make -s -j"${JOBS:-1}" CC="$1" BUILD="$2" SINGLE=1 EXTRA=-Werror "${@:4}"
}

unitsPass() { # DIRECTORY
  local unit
  for unit in "${units[@]}"; do guarded "$1/tests/unit/$unit" >"$scratch/$unit" 2>&1 || { tail -20 "$scratch/$unit" && return 1; }; done
}

suiteHolds() { # COMPILER DIRECTORY
  makesWith "$1" "$2" '-O0 -g0' "${units[@]/#/$2/tests/unit/}" && unitsPass "$2"
}

# The program whose instructions are counted has its usual optimization, with what it is linked with: without it, some of its own code counts.
if command -v valgrind >/dev/null; then need 'the program to count is built' makesWith "$CC" "$build" '' "$build/tests/programs/instructions"; fi
check 'the programs of the unit suite pass with it' suiteHolds "$CC" "$build"
check 'its names are those of libmema.a' hasNamesOfLibrary
if command -v valgrind >/dev/null; then BUILD=$build check 'its calls take no more instructions' bash tests/instructions.sh; fi
if [ -n "${WHOLE:-}" ] && command -v clang >/dev/null; then
  check 'the programs of the unit suite pass with it, compiled by clang' suiteHolds clang "$scratch/clang"
fi
finish
