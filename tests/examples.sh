#!/usr/bin/env bash
# Every example builds without a warning, as a user would build it, and ends well: each checks itself. So does the output of `make run`,
# whichever compiler it is shown with.
. "$(dirname "$0")/checks.sh"

runs() { # FILE
  "$CC" -std=c11 -Wall -Wextra -Werror -Iinclude "$1" "$BUILD/libmema.a" -pthread -o "$scratch/example" &&
    guarded "$scratch/example"
}

for file in examples/*.c; do check "$file" runs "$file"; done
check 'make run' make -s BUILD="$BUILD" CC="$CC" run
for compiler in 'gcc -pipe' clang; do
  if command -v "${compiler%% *}" >/dev/null; then
    check "what make run shows, with $compiler" env BUILD="$BUILD" CC="$compiler" sh examples/run.sh
  else
    skip "what make run shows, with $compiler" 'it is not installed'
  fi
done
finish
