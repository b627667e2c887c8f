# harness.sh - parts that the shell tests of the preload library and of the command line share. To be sourced, in the repository's directory.
# A check prints `ok - name`, `FAILED: name [section]` with the reason below it, or `skipped: name (why)`; `finish` counts them.

. tests/environment.sh
passed=0
failed=0
skipped=0
scratch=$(mktemp -d) || exit 1
export scratch
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# section NAME: begins a section, which ends at the next. With ONLY=NAME all other sections run no program, count no check, print nothing.
block=
part=
off=
found=
section() {
  block=$1
  enter "$1"
}

# enter PART: begins a part of a section, which ONLY may name, too.
enter() {
  part=$1
  off=
  [ -n "${ONLY:-}" ] || return 0
  if [ "$ONLY" = "$part" ] || [ "$ONLY" = "$block" ]; then
    found=1
    exec 2>&9
  else
    off=1
    exec 2>/dev/null
  fi
}
[ -z "${ONLY:-}" ] || exec 9>&2

ok() {
  [ -z "$off" ] || return 0
  passed=$((passed + 1))
  echo "ok - $1"
}

notOk() {
  [ -z "$off" ] || return 0
  failed=$((failed + 1))
  echo "FAILED: $1 [$part]"
  echo "    $2"
}

skip() {
  [ -z "$off" ] || return 0
  skipped=$((skipped + 1))
  echo "skipped: $1 ($2)"
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

# guard COMMAND...: runs a command under the time limit (environment.sh).
guard() {
  [ -z "$off" ] || return 0
  guarded "$@"
}

finish() {
  if [ -n "${ONLY:-}" ] && [ -z "$found" ]; then
    off=
    notOk "there is no section $ONLY" 'tests/tasks.sh lists them'
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit
}
