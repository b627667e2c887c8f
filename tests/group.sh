#!/usr/bin/env bash
# One group of test programs, built already: group.sh unit|misuse|exhaustive|random|family|model|traces; of unit, one program where it is named. WRAP is put before each command.
. "$(dirname "$0")/checks.sh"
: "${BUILD:=build}"
read -r -a wrap <<<"${WRAP:-}"

# As many at a time as there are processors, each looked at when all are done.
runUnits() { # PROGRAM…
  local program name
  for program in "$@"; do
    name=$(basename "$program")
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    {
      timeout 400 "${wrap[@]}" "$program" >"$scratch/$name.output" 2>&1
      echo $? >"$scratch/$name.status"
    } &
  done
  wait
  for program in "$@"; do judgeUnit "$(basename "$program")"; done
}

# cmocka counts for itself; a program that dies, or says nothing, is one failure.
judgeUnit() { # NAME: what it said, and how it ended
  local name=$1 status good bad
  cp "$scratch/$name.output" "$scratch/output"
  status=$(cat "$scratch/$name.status")
  good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$scratch/output" | tail -1)
  bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$scratch/output" | tail -1)
  : "${good:=0}" "${bad:=0}"
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1
    echo "FAILED: unit $name ended with status $status"
    tail -40 "$scratch/output" | sed 's/^/    /'
  elif [ "$status" -eq 0 ] && [ "$good" -eq 0 ]; then
    bad=1
    echo "FAILED: unit $name ran no test"
  elif [ "$bad" -gt 0 ]; then
    echo "FAILED: unit $name"
    grep -v -e '^\[ RUN' -e '^\[       OK' -e '^\[====' "$scratch/output" | head -60 | sed 's/^/    /'
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
}

case $1 in
  unit)
    programs=()
    for program in tests/unit/${2:-*}.c; do programs+=("$BUILD/${program%.c}"); done
    runUnits "${programs[@]}"
    ;;
  misuse)
    for program in tests/misuse/*.c; do
      check "misuse $(basename "$program" .c)" timeout 60 "${wrap[@]}" "$BUILD/${program%.c}"
    done
    ;;
  exhaustive) check "exhaustive ${2:-}" timeout 400 "${wrap[@]}" "$BUILD/tests/model/exhaustive" ${2:+"$2"} ;;
  random) check "random ${2:-}" timeout 400 "${wrap[@]}" "$BUILD/tests/model/random" ${2:+"$2"} ;;
  family) check "family ${2:-}" timeout 400 "${wrap[@]}" "$BUILD/tests/model/family" ${2:+"$2"} ;;
  model)
    check 'exhaustive' timeout 400 "${wrap[@]}" "$BUILD/tests/model/exhaustive"
    check 'random' timeout 400 "${wrap[@]}" "$BUILD/tests/model/random"
    check 'family' timeout 400 "${wrap[@]}" "$BUILD/tests/model/family"
    ;;
  traces)
    for program in roundTrip damage forged playing; do check "traces $program" timeout 400 "${wrap[@]}" "$BUILD/tests/traces/$program"; done
    ;;
  *) echo "group.sh: no group '$1'" && exit 2 ;;
esac
finish
