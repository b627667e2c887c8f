#!/usr/bin/env bash
# Every program in docs/guide.md, compiled and run: it exits with 0, and prints the text of the block below it, if there is one.
. "$(dirname "$0")/checks.sh"

# Writes the n-th C block to program.c, and the text block that follows it to expected; none: ends with 1.
extract() { # N
  rm -f "$scratch"/program.c "$scratch"/expected
  awk -v n="$1" -v program="$scratch/program.c" -v expected="$scratch/expected" '
    $0 == "```c" { count++; inside = count == n ? 1 : 0; found = 0; next }
    $0 == "```text" && count == n && !found { inside = 2; found = 1; next }
    $0 == "```" { inside = 0; next }
    inside == 1 { print > program }
    inside == 2 { print > expected }
    count > n { exit }
  ' docs/guide.md
  [ -f "$scratch/program.c" ]
}

compiles() {
  "$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -Iinclude -o "$scratch/program" "$scratch/program.c" "$BUILD/libmema.a" -pthread
}

printsWhatItSays() {
  "$scratch/program" >"$scratch/printed" || return
  [ ! -f "$scratch/expected" ] || diff "$scratch/expected" "$scratch/printed"
}

n=1
while extract $n; do
  title=$(awk -v n=$n '/^##/ { title = $0 } $0 == "```c" && ++count == n { print title; exit }' docs/guide.md)
  check "guide, program $n compiles (${title##*# })" compiles
  check "guide, program $n does what it says (${title##*# })" printsWhatItSays
  n=$((n + 1))
done
check 'the guide has programs' test "$n" -gt 5
finish
