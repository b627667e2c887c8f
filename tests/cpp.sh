#!/usr/bin/env bash
# mema.hpp: containers and pointers in a pool, with each compiler and standard, with exceptions and without; the guide's program in C++.
. "$(dirname "$0")/checks.sh"
strict=(-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude)

containers() { # COMPILER FLAG…
  "$@" "${strict[@]}" tests/cpp/containers.cpp "$BUILD/libmema.a" -pthread -o "$scratch/containers" && guarded "$scratch/containers"
}

# A pool that has ended, and a program that does not say what becomes of bad frees.
badFreeIsReported() { # COMPILER
  printf '%s\n' '#include "mema.hpp"' 'int main() {' 'mema::pool pool(100), other(100);' \
    'mema::allocator<int>(other).deallocate(mema::allocator<int>(pool).allocate(1), 1);' 'return pool.freeSize() == 96 ? 0 : 1; }' \
    >"$scratch/bad.cpp"
  "$1" -std=c++17 "${strict[@]}" "$scratch/bad.cpp" "$BUILD/libmema.a" -pthread -o "$scratch/bad" && guarded "$scratch/bad" 2>"$scratch/said" &&
    grep -q '^mema: .* is not freed: .*not the start of a live chunk' "$scratch/said" || { cat "$scratch/said" && false; }
}

guideProgram() { # COMPILER
  sed -n '/^```cpp$/,/^```$/p' docs/guide.md | grep -v '^```' >"$scratch/guide.cpp"
  "$1" -std=c++17 "${strict[@]}" "$scratch/guide.cpp" "$BUILD/libmema.a" -pthread -o "$scratch/guide" &&
    guarded "$scratch/guide" >"$scratch/printed" &&
    sed -n '/^```cpp$/,/^## /p' docs/guide.md | sed -n '/^```text$/,/^```$/p' | grep -v '^```' | diff - "$scratch/printed"
}

for compiler in g++ clang++; do
  if ! command -v $compiler >/dev/null; then
    skip "$compiler" 'it is not installed'
    continue
  fi
  for standard in c++17 c++20 c++2b; do
    check "$compiler $standard" containers $compiler -std=$standard
    check "$compiler $standard without exceptions" containers $compiler -std=$standard -fno-exceptions -fno-rtti
  done
  check "$compiler: a bad free is reported" badFreeIsReported $compiler
  check "$compiler: the guide's program" guideProgram $compiler
done
finish
