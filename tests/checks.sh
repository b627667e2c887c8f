# checks.sh - counts the checks of a bash script and prints the output of those that fail: check NAME COMMAND…, need NAME COMMAND…,
# skip NAME WHY, finish. It changes to the repository's directory. With ONLY=LABEL a script makes the check of that label alone.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. tests/environment.sh
passed=0 failed=0 skipped=0 names=()
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# The label of a check is its name without blanks: "every munmap fails" has the label every-munmap-fails.
label() {
  local text=${1//[^A-Za-z0-9._\/-]/-}
  while [[ $text == *--* ]]; do text=${text//--/-}; done
  text=${text#-}
  echo "${text%-}"
}

isAsked() { # NAME
  local text
  text=$(label "$1")
  names+=("$text")
  [ -z "${ONLY:-}" ] || [ "$ONLY" = "$text" ]
}

judge() { # NAME COMMAND…; the variable `as`, where it is set, replaces the label
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $name [${as-$(label "$name")}]"
    sed 's/^/    /' "$scratch/output" | head -40
  fi
}

check() {
  isAsked "$1" || return 0
  judge "$@"
}

# A check that others build on. It is made even if ONLY names another.
need() {
  isAsked "$1" || :
  judge "$@"
}

skip() {
  isAsked "$1" || return 0
  skipped=$((skipped + 1))
  echo "skipped: $1 ($2)"
}

# Prints the closing line, which tests/schedule.sh reads.
finish() {
  local line
  if [ -n "${ONLY:-}" ] && [[ " ${names[*]} " != *" $ONLY "* ]]; then
    failed=$((failed + 1))
    echo "FAILED: there is no check $ONLY [$ONLY]"
    printf '    %s\n' 'The checks are:' "${names[@]}"
  fi
  line="$passed passed, $failed failed"
  [ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
  echo "$line"
  [ "$failed" -eq 0 ]
  exit
}
