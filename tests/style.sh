#!/usr/bin/env bash
# One format for every file (.clang-format), and no complaint from the analyser (.clang-tidy).
. "$(dirname "$0")/checks.sh"
mapfile -t files < <(find . \( -name build -o -name .git -o -path "./${BUILD#"$PWD/"}" \) -prune -o \( -name '*.c' -o -name '*.h' \) -print | sort)

formatted() {
  clang-format --dry-run -Werror "$@"
}

tidy() { # FILE
  local flags=(-std=c11 -Iinclude)
  case $1 in
    ./tests/hosts/* | ./bench/hosts/*) flags+=(-D_GNU_SOURCE -isystem /usr/include/libxml2 -isystem /usr/include/lua5.4) ;;
    ./tests/freestanding/cortexM4.c) flags+=(--target=arm-none-eabi -mcpu=cortex-m4 -ffreestanding) ;;
    ./tests/*) flags+=(-Itests/support -D_GNU_SOURCE) ;;
    ./src/freestanding/*) flags+=(-ffreestanding) ;;
  esac
  clang-tidy --quiet "$1" -- "${flags[@]}" 2>/dev/null
}
export -f tidy

if command -v clang-format >/dev/null; then
  for file in "${files[@]}"; do check "format of $file" formatted "$file"; done
else
  skip format 'no clang-format'
fi

# The analyser reads the code that users get. With WHOLE=1 it reads the tests and benchmarks as well, which run under sanitizers and
# memcheck anyway. The misuse programs are one macro each: a few of them say as much as all. Those of preload/ and guest/ free twice,
# and what is not theirs, on purpose, and those that start programs do so by vfork. Debian 12 has no header of QuickJS.
left=(-e '^./tests/misuse/[a-eg-z]' -e '^./tests/misuse/free[B-Z]' -e '^./tests/preload/' -e '^./tests/escape/' -e '^./tests/guest/'
  -e '^./tests/hosts/quickjs')
[ -n "${WHOLE:-}" ] || left=(-e '^./tests/' -e '^./bench/')
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.c$' | grep -v "${left[@]}")
if command -v clang-tidy >/dev/null; then
  for file in "${sources[@]}"; do
    if isAsked "clang-tidy of $file"; then echo "$file"; fi
  done |
    xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'tidy "$1" >"$2/$(tr / _ <<<"$1").tidy" || touch "$2/$(tr / _ <<<"$1").bad"' _ {} "$scratch"
  quiet() { [ ! -e "$scratch/$1.bad" ] || { cat "$scratch/$1.tidy"; false; }; }
  for file in "${sources[@]}"; do check "clang-tidy of $file" quiet "$(tr / _ <<<"$file")"; done
else
  skip analysis 'no clang-tidy'
fi
finish
