#!/usr/bin/env bash
# Every block of code in README.md, docs/guide.md, docs/howto and the pages of the commands, compiled and run. The word behind the three
# marks says what a block is:
#
#   c, cpp         a program: it compiles without a warning, exits with 0, and prints the block `text` that follows it, if there is one
#   c part         statements: they compile in a function that has a Pool `pool`
#   sh             lines for the shell: each ends with 0; they print the block `text` that follows, apart from numbers and blanks
#   sh fails       the same, but the last line fails
#   console        the lines behind "$ " are for the shell, the others are printed
#   … illustration not run, since it is no whole, takes long, or another test runs it
#   text and others show output, a picture, or a file of another tool
#
# The lines for the shell run in a directory that looks like a clone that was built. `sudo make install` goes to a directory there.
. "$(dirname "$0")/checks.sh"
. tests/blocks.sh
pages=(README.md docs/guide.md docs/run.md docs/torture.md docs/traces.md docs/howto/*.md)
blocks=$scratch/blocks
mkdir -p "$blocks"

# ---- programs -------------------------------------------------------------------------------------------------------------

compiles() { # BLOCK
  "$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -Iinclude -o "$scratch/program" -x c "$1" -x none "$BUILD/libmema.a" -pthread
}

compilesAsCpp() { # BLOCK
  g++ -std=c++17 -Wall -Wextra -Werror -O1 -Iinclude -o "$scratch/program" -x c++ "$1" -x none "$BUILD/libmema.a" -pthread
}

compilesInside() { # BLOCK
  {
    echo '#include <mema.h>'
    echo '#include <stdio.h>'
    echo '#include <stdlib.h>'
    echo '#include <string.h>'
    grep '^#include' "$1"
    echo 'void part(Pool *pool);'
    echo 'void part(Pool *pool) {'
    grep -v '^#include' "$1"
    echo '}'
  } | "$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-variable -Wno-unused-but-set-variable -Iinclude -fsyntax-only -x c -
}

printsWhatItSays() { # BLOCK
  (cd "$scratch" && timeout "$MEMA_TEST_LIMIT" ./program) >"$scratch/printed" || return
  [ ! -f "$1.text" ] || diff "$1.text" "$scratch/printed"
}

# ---- lines for the shell --------------------------------------------------------------------------------------------------

place=$scratch/place
preparePlace() {
  mkdir -p "$place" "$scratch/bin" && cp -R --preserve=timestamps -t "$place" examples include src packaging docs bench cli preload record exec trace tests Makefile README.md &&
    ln -s "$BUILD" "$place/build" && cp examples/first.c "$place/program.c" && seq 20000 | tac >"$place/numbers" && seq -f 'word%g' 1000 >"$place/words.txt" &&
    printf '#!/bin/sh\nexec "$@" PREFIX=%s/installed\n' "$place" >"$scratch/bin/sudo" && chmod +x "$scratch/bin/sudo" &&
    (cd "$place" && "$CC" -O1 -Iinclude program.c build/libmema.a -pthread -o program)
}

# The lines; set -e ends them at the first that fails.
runs() { # BLOCK STATUS: 0, or 1 if the last line fails
  local status=0
  (cd "$place" && HOME=$place PATH=$scratch/bin:$place/installed/bin:$BUILD:$PATH PKG_CONFIG_PATH=$place/installed/lib/pkgconfig LD_LIBRARY_PATH=$place/installed/lib \
    LIBRARY_PATH=$place/installed/lib CPATH=$place/installed/include MAKEFLAGS=s COLUMNS=80 timeout "$MEMA_TEST_LIMIT" sh -eu "$1") >"$scratch/printed" 2>&1 </dev/null || status=1
  [ "$status" -eq "$2" ] && { [ ! -f "$1.text" ] || hasText "$1.text" "$scratch/printed"; } && return
  echo "status $status"
  cat "$scratch/printed"
  return 1
}

# A block `console`: lines behind "$ ", and what they print. Their status is not shown, and may be any.
showsTheTruth() { # BLOCK
  sed -n 's/^\$ \(.*\)/{ \1; } || :/p' "$1" >"$1.lines"
  grep -v '^\$ ' "$1" >"$1.lines.text"
  runs "$1.lines" 0
}

# ---- the pages ------------------------------------------------------------------------------------------------------------

programs=0 scripts=0 illustrations=0
tryBlock() { # PAGE NUMBER BLOCK
  local words name
  words=$(cat "$3.words")
  name="$1, block $((10#$2)) (${words:-no word}: $(cat "$3.title"))"
  case $words in
    c | cpp)
      programs=$((programs + 1))
      if [ "$words" = c ]; then check "$name compiles" compiles "$3"; else check "$name compiles" compilesAsCpp "$3"; fi
      check "$name does what it says" printsWhatItSays "$3"
      ;;
    'c part') check "$name compiles" compilesInside "$3" ;;
    sh | 'sh fails')
      scripts=$((scripts + 1))
      check "$name does what it says" runs "$3" "$([ "$words" = sh ] && echo 0 || echo 1)"
      ;;
    console)
      scripts=$((scripts + 1))
      check "$name does what it says" showsTheTruth "$3"
      ;;
    *' illustration') illustrations=$((illustrations + 1)) ;;
    text | cmake | yaml | xml | json) ;;
    *) check "$name says what it is" false ;;
  esac
}

need 'a directory like a clone' preparePlace
for page in "${pages[@]}"; do
  split "$page"
  for block in "$blocks"/[0-9][0-9][0-9]; do
    [ -e "$block" ] || continue # a page without blocks
    tryBlock "$page" "${block##*/}" "$block"
  done
done
if git rev-parse --git-dir >/dev/null 2>&1; then
  check 'each link of a page leads to a file, or to a chapter of one' python3 tests/links.py
else
  skip 'links' 'no clone of the repository'
fi
check 'the pages have programs' test "$programs" -ge 10
check 'the pages have lines for the shell' test "$scripts" -ge 5
check 'few blocks are illustrations' test "$illustrations" -le $(((programs + scripts) / 2))
finish
