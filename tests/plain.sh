#!/usr/bin/env bash
# The programs of unit/, misuse/ and threads/, which are built, with MEMA_PLAIN=1: each chunk is a malloc of its own, and the promises are as
# always. tests/plain.txt lists the tests that do not hold there, and why. plain.sh [GROUP/PROGRAM…]
. "$(dirname "$0")/checks.sh"
list=tests/plain.txt

# A name that no test has would hide a test that has gone.
isExact() {
  local program name reason wrong=0
  while read -r program name reason; do
    case $reason in place | memory | caches | write | signal) ;; *) echo "$program $name: '$reason' is no reason" && wrong=1 ;; esac
    [ "$name" = '*' ] && name=main
    grep -q "\\b$name(" "tests/$program.c" || { echo "there is no $name in tests/$program.c" && wrong=1; }
  done < <(grep -v '^#' $list)
  return $wrong
}

namesOf() { # PROGRAM: the tests that it leaves out
  awk -v program="$1" '$1 == program { print $2 }' $list | paste -sd ' '
}

plainly() { # PROGRAM
  MEMA_PLAIN=1 MEMA_TEST_SKIP=$(namesOf "$1") guarded "$BUILD/tests/$1"
}

if [ $# -eq 0 ]; then
  for source in tests/unit/*.c tests/misuse/*.c tests/threads/*.c; do
    source=${source#tests/}
    set -- "$@" "${source%.c}"
  done
fi
check 'the list of tests that do not hold' isExact
for program in "$@"; do
  if [ "$(namesOf "$program")" != '*' ]; then check "plain chunks: $program" plainly "$program"; fi
done
finish
