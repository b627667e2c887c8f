#!/usr/bin/env bash
# A committed or locked pool makes no system call and no page fault, whatever is asked of it within its reservation:
# tests/programs/silent.c does it under a seccomp filter, and reads the process's count of faults.
. "$(dirname "$0")/checks.sh"
program=$BUILD/tests/programs/silent

silent() {
  guarded "$program" "$@"
}

ends() { # with this status
  local status=$1
  shift
  silent "$@"
  [ $? -eq "$status" ]
}

was() { # the status of what ran just now
  cat "$scratch/said"
  [ "$1" -eq 0 ]
}

# A count that sees nothing, and a filter that lets all pass, would find every pool silent.
check 'faults of a pool that is not committed are seen' ends 4 lazy 1048576
check 'a system call under the filter is seen' ends 3 calling 1048576
for kind in committed committedUntracked locked lockedUntracked hooked hookedLocked committedHuge shared sharedTracked; do
  for size in 65536 1048576 16777216 41943040; do
    silent $kind $size >"$scratch/said" 2>&1
    status=$?
    if [ $status -eq 77 ]; then
      skip "$kind, $size bytes" 'this system does not let it be made: its limit of locked memory, or no seccomp'
    else
      check "$kind, $size bytes" was $status
    fi
  done
done
finish
