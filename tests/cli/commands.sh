# commands.sh - parts that the tests of the commands share. To be sourced; wants BUILD and CC.
. tests/preload/harness.sh
mema=$BUILD/mema
library=$BUILD/libmema-preload.so
# The bytes of a pointer in the programs that the compiler makes.
pointerBytes=$(echo __SIZEOF_POINTER__ | $CC -E -P -x c -)

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

# compiled NAME FLAG...: a program from stdin.
compiled() {
  output=$scratch/$1
  shift
  $CC -O1 -x c - -o "$output" "$@" 2>"$scratch/compiler"
}
