# traces.sh - what record.sh and replay.sh share. To be sourced; wants BUILD and CC.
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
CC=${CC:-gcc}
. tests/preload/harness.sh
unset MEMA_RECORD MEMA_RECORD_LIBRARY GLIBC_TUNABLES
# What a test that fails leaves behind goes with the rest.
TMPDIR=$scratch
export TMPDIR
mema=$BUILD/mema
dump=$BUILD/tests/traces/dump
recorded=$scratch/recorded
trace=$scratch/t.mema
mkdir "$recorded"

# -fno-builtin: the compiler removes pairs of malloc and free that it understands.
for source in tests/recorded/*.c; do
  $CC -std=gnu11 -O2 -g -w -fno-builtin -o "$recorded/$(basename "$source" .c)" "$source" -pthread ||
    notOk "$source" 'does not compile'
done

# mema ARGUMENT...: stdout, stderr and status go to files.
run() {
  guard sh -c 'exec "$@" >"$scratch/out" 2>"$scratch/err"' sh "$mema" "$@"
  status=$?
}

# refuses NAME STATUS PATTERN ARGUMENT...: that status, one line on stderr that matches, nothing on stdout.
refuses() {
  name=$1
  wanted=$2
  pattern=$3
  shift 3
  run "$@"
  if [ -s "$scratch/out" ]; then
    notOk "$name" 'wrote to stdout'
  elif [ "$status" -ne "$wanted" ]; then
    notOk "$name" "status $status, not $wanted: $(head -c 600 "$scratch/err")"
  else
    oneLine "$name" "$pattern" "$scratch/err"
  fi
}

# record COMMAND...: into $trace, which is new; what it holds is summed up in $scratch/sums.
record() {
  rm -f "$trace"
  run record -o "$trace" -- "$@"
  "$dump" -s "$trace" >"$scratch/sums" 2>&1
}

# sum NAME KEY EXPECTED [PROCESS]: the number behind KEY in what the Nth process is summed up to.
sum() {
  same "$1" "$3" "$(sed -n "${4:-1}s/.* $2 \([0-9]*\).*/\1/p" "$scratch/sums")"
}
