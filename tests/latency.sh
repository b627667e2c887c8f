#!/usr/bin/env bash
# No palloc or pfree of a fixed pool takes more than three times the instructions of the median one: bench/latency counts them.
. "$(dirname "$0")/checks.sh"

# One call in 13, which is prime to the rounds of the runs.
withinThree() {
  make -s BUILD="$BUILD" CC="$CC" "$BUILD/bench/latency" && "$BUILD/bench/latency" 13 3
}

withinThree >"$scratch/latency" 2>&1
status=$?
if [ $status -eq 77 ]; then
  skip 'the longest calls' 'instructions cannot be counted here'
else
  show() {
    cat "$scratch/latency"
    [ $status -eq 0 ]
  }
  check 'the longest calls' show
fi
finish
