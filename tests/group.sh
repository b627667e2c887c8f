#!/usr/bin/env bash
# Runs one group of test programs, which are built: group.sh unit|internal|threads|misuse|traces [PROGRAM], or exhaustive|random|family
# [LENGTH], or model. ONLY names a program as well. WRAP is a command that runs each program.
. "$(dirname "$0")/checks.sh"
read -r -a wrap <<<"${WRAP:-}"
: "${JOBS:=$(nproc)}"

# Runs up to JOBS programs at once, then judges each in order.
runUnits() { # PROGRAM…
  local program name
  for program in "$@"; do
    name=$(basename "$program")
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
    {
      guarded "${wrap[@]}" "$program" >"$scratch/$name.output" 2>&1
      echo $? >"$scratch/$name.status"
    } &
  done
  wait
  for program in "$@"; do judgeUnit "$(basename "$program")"; done
}

# cmocka counts the tests of a program. A program that dies, or prints no count, is one failure. A test that skips itself and says why
# (skipBecause) counts as skipped. Tests that skip themselves without a word, as those of forks do under the address sanitizer, count as neither.
judgeUnit() { # NAME
  local name=$1 status good bad left said
  status=$(cat "$scratch/$name.status")
  good=$(sed -nE 's/^\[  PASSED  \] (tests: )?([0-9]+) test.*/\2/p' "$scratch/$name.output" | tail -1)
  bad=$(sed -nE 's/^\[  FAILED  \] (tests: )?([0-9]+) test.*/\2/p' "$scratch/$name.output" | tail -1)
  left=$(sed -nE 's/^\[  SKIPPED \] (tests: )?([0-9]+) test.*/\2/p' "$scratch/$name.output" | tail -1)
  : "${good:=0}" "${bad:=0}" "${left:=0}"
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1
    echo "FAILED: $group $name ended with status $status$(meaning "$status") [$name]"
    tail -40 "$scratch/$name.output" | sed 's/^/    /'
  elif [ "$status" -eq 0 ] && [ $((good + left)) -eq 0 ]; then
    bad=1
    echo "FAILED: $group $name ran no test [$name]"
  elif [ "$bad" -gt 0 ]; then
    sed -nE "/^\[  FAILED  \] (tests: )?[0-9]/,\$s/^\[  FAILED  \] ([^ ]*)\$/FAILED: $group $name: \1 [$name]/p" "$scratch/$name.output"
    grep -v -e '^\[ RUN' -e '^\[       OK' -e '^\[====' -e '^\[  PASSED' "$scratch/$name.output" | head -60 | sed 's/^/    /'
  fi
  said=$(awk -v program="$group $name" '/^\[ RUN/ { test = $4 } sub(/^skipped: /, "") { print "skipped: " program ": " test " (" $0 ")" }' \
    "$scratch/$name.output")
  [ -z "$said" ] || echo "$said"
  passed=$((passed + good))
  failed=$((failed + bad))
  skipped=$((skipped + $(grep -c . <<<"$said")))
}

meaning() { # STATUS
  [ "$1" -ne 137 ] || echo ": killed, as a program that hangs is after $MEMA_TEST_LIMIT seconds"
  [ "$1" -ne 142 ] || echo ': SIGALRM, with which a test ends where it hangs'
}

# Prints the sources of a group, or that of one program, without their suffix.
sourcesOf() { # GROUP [PROGRAM]
  local file
  for file in tests/"$1"/${2:-*}.c; do
    # dump is no test; the scripts in cli/ use it.
    if [ -f "$file" ] && [ "$file" != tests/traces/dump.c ]; then echo "${file%.c}"; fi
  done
}

model() { # PROGRAM [LENGTH]
  as= judge "$1${2:+ $2}" guarded "${wrap[@]}" "$BUILD/tests/model/$1" ${2:+"$2"}
}

group=${1:-} named=${2:-${ONLY:-}}
ONLY=
case $group in
  unit | internal | threads | misuse | traces)
    mapfile -t programs < <(sourcesOf "$group" "$named")
    if [ ${#programs[@]} -eq 0 ]; then
      echo "group.sh: no program is named '$named' in tests/$group"
      exit 2
    fi
    ;;
esac
case $group in
  unit) runUnits "${programs[@]/#/$BUILD/}" ;;
  internal | threads) # under a sanitizer too these test the caches of threads, and the records of engines: docs/checkers.md
    export MEMA_WATCH=0
    runUnits "${programs[@]/#/$BUILD/}"
    ;;
  misuse | traces)
    for program in "${programs[@]}"; do
      as=$(basename "$program")
      judge "$group $as" guarded "${wrap[@]}" "$BUILD/$program"
    done
    ;;
  exhaustive | random | family)
    # These two compare what they know of places and rooms: docs/checkers.md says what differs in a watched pool.
    [ "$group" = family ] || export MEMA_WATCH=0
    model "$group" "${2:-}"
    ;;
  model) for program in exhaustive random family; do model $program; done ;;
  *) echo "group.sh: no group '$group'" && exit 2 ;;
esac
finish
