#!/usr/bin/env bash
# Every example builds without a warning, as a user would build it, and ends well: each checks itself.
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
: "${BUILD:=build}" "${CC:=gcc}"

runs() { # FILE
  "$CC" -std=c11 -Wall -Wextra -Werror -Iinclude "$1" "$BUILD/libmema.a" -pthread -o "$scratch/example" &&
    timeout 60 "$scratch/example"
}

for file in examples/*.c; do check "$file" runs "$file"; done
finish
