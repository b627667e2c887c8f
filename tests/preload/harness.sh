# harness.sh - what the shell tests of the preload library and of the command line share. To be sourced; wants BUILD.
# A check prints `ok - name`, `not ok - name: why` or `skip - name: why`; `finish` counts them.

passed=0
failed=0
skipped=0
scratch=$(mktemp -d)
export scratch
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# The tests say themselves what the environment is.
unset LD_PRELOAD MEMA_POOL_SIZE MEMA_RESERVE MEMA_MMAP MEMA_STRICT MEMA_REPORT MEMA_TABLE MEMA_PRELOAD_LIBRARY COLUMNS
LC_ALL=C
export LC_ALL

ok() {
  passed=$((passed + 1))
  echo "ok - $1"
}

notOk() {
  failed=$((failed + 1))
  echo "not ok - $1: $2"
}

skip() {
  skipped=$((skipped + 1))
  echo "skip - $1: $2"
}

# same NAME EXPECTED ACTUAL
same() {
  if [ "$2" = "$3" ]; then ok "$1"; else notOk "$1" "expected '$2', was '$3'"; fi
}

# has NAME PATTERN FILE: the file has a line that matches.
has() {
  if grep -Eq -e "$2" "$3"; then ok "$1"; else notOk "$1" "no line like '$2' in: $(head -c 600 "$3" | tr '\n' '|')"; fi
}

# oneLine NAME PATTERN FILE: the file is one line, and matches.
oneLine() {
  if [ "$(wc -l <"$3")" -ne 1 ]; then
    notOk "$1" "not one line: $(head -c 600 "$3" | tr '\n' '|')"
  else
    has "$1" "$2" "$3"
  fi
}

# figure KEY: the number behind KEY in the first line of stdin that has it.
figure() {
  sed -n 's/.*"'"$1"'": \([0-9a-z]*\).*/\1/p' | head -n 1
}

# Where a command hangs: not how long it may take, but when to give up (GUARD seconds).
guard() {
  timeout -s KILL "${GUARD:-300}" "$@"
}

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit
}
