#!/usr/bin/env bash
# The library on other processors and with another C library: cross compilers and qemu's user emulation run the unit, misuse and model suites
# of each; musl has the library, linked statically. Then programs of tests/preload run with the library to preload, and with the command.
# `portable` is this processor, with the branches for others. It installs what is lacking (Debian, root), and skips what cannot be had.
#   everywhere.sh            everything: hours; a quarter of an hour and more for each emulated processor
#   everywhere.sh NAME…      these only: aarch64 armhf riscv64 s390x i386 musl portable
#   SMOKE=1 everywhere.sh    what is installed already: two programs of each, seconds
: "${MEMA_TEST_LIMIT:=1800}" # of one program: a slow one does not hold up the others for hours
. "$(dirname "$0")/checks.sh"
here=$BUILD/everywhere
: "${JOBS:=$(nproc)}"

# NAME  COMPILER  COMMAND THAT RUNS A PROGRAM  PACKAGES  FLAGS. The emulator goes page by page where address space is looked for, so there it is
# less: 256 MiB for a reservation, 32 MiB around it.
table() {
  cat <<'END'
aarch64|aarch64-linux-gnu-gcc|qemu-aarch64 -L /usr/aarch64-linux-gnu|gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user|-DMEMA_RESERVATION_LOG_MOST=28 -DMEMA_ROOM_DISTANCE=0x2000000
armhf|arm-linux-gnueabihf-gcc|qemu-arm -L /usr/arm-linux-gnueabihf|gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user|-Wno-psabi -funwind-tables
riscv64|riscv64-linux-gnu-gcc|qemu-riscv64 -L /usr/riscv64-linux-gnu|gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user|-DMEMA_RESERVATION_LOG_MOST=28 -DMEMA_ROOM_DISTANCE=0x2000000 -funwind-tables
s390x|s390x-linux-gnu-gcc|qemu-s390x -L /usr/s390x-linux-gnu|gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user|-DMEMA_RESERVATION_LOG_MOST=28 -DMEMA_ROOM_DISTANCE=0x2000000
i386|i686-linux-gnu-gcc||gcc-i686-linux-gnu libc6-dev-i386-cross libc6-i386|-Wno-psabi -static
musl|musl-gcc||musl-tools|-static
portable|gcc||gcc|-DMEMA_PORTABLE
END
}

# ---- tools ----------------------------------------------------------------------------------------------------------------------

# Debian's compiler for 32 bits (gcc-multilib) and its cross compilers cannot be installed together: nothing is removed.
install() { # PACKAGE…
  [ -z "${SMOKE:-}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return
  [ -e "$here/updated" ] || apt-get update -q >/dev/null
  touch "$here/updated"
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-remove --no-install-recommends "$@" >/dev/null
}

hasCommands() { # COMPILER RUNNER
  command -v "$1" >/dev/null && { [ -z "$2" ] || command -v "${2%% *}" >/dev/null; }
}

# cmocka's source, from Debian: its binary packages are not there for each architecture. The lists of this apt are its own.
cmockaSource() {
  [ -e "$here/cmocka/src/cmocka.c" ] && return
  local apt=$here/apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts" "$here/cmocka"
  [ ! -e /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/parts/list.list"
  cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | sed 's/^Types:.*/Types: deb-src/' >"$apt/parts/debian.sources"
  local options=(-q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/parts" -o Dir::State::lists="$apt/lists"
    -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update && (cd "$apt" && apt-get "${options[@]}" source --download-only cmocka) &&
    tar -xf "$apt"/cmocka_*.orig.tar.?z -C "$here/cmocka" --strip-components=1
}

# The ar beside a compiler: another one may not know the format of its objects.
archiver() { # COMPILER
  command -v "${1%gcc}ar" || echo ar
}

cmockaFor() { # DIRECTORY COMPILER FLAG…
  local has=(SIGNAL_H SETJMP_H MALLOC_H INTTYPES_H STRINGS_H UNISTD_H TIME_H STRUCT_TIMESPEC)
  [ -e "$1/libcmocka.a" ] && return
  mkdir -p "$1"
  "$2" -O1 -w -D_GNU_SOURCE "${has[@]/#/-DHAVE_}" -I"$here/cmocka/include" -c "$here/cmocka/src/cmocka.c" -o "$1/cmocka.o" "${@:3}" &&
    "$(archiver "$2")" rcs "$1/libcmocka.a" "$1/cmocka.o" && cp "$here/cmocka/include/cmocka.h" "$1/"
}

# ---- one processor --------------------------------------------------------------------------------------------------------------

makeFor() { # NAME COMPILER FLAGS TARGET…
  local build=$here/$1
  TEST_CFLAGS=-g0 CFLAGS='-O1 -g1' EXTRA="-w -I$build/cmocka -L$build/cmocka $3" make -s -j"$JOBS" ZSTD=0 BUILD="$build" CC="$2" AR="$(archiver "$2")" "${@:4}"
}

programs() { # DIRECTORY GROUP…: of each group, all programs
  local group file
  for group in "${@:2}"; do
    for file in tests/"$group"/*.c; do echo "$1/${file%.c}"; done
  done
}

# A group of tests; the counts of its closing line count here.
runs() { # NAME RUNNER GROUP [LENGTH]
  local line good bad left
  ONLY= WRAP=$2 BUILD=$here/$1 bash tests/group.sh "${@:3}" >"$scratch/group"
  sed '$d' "$scratch/group"
  line=$(tail -1 "$scratch/group")
  [[ $line =~ ^[0-9]+\ passed,\ [0-9]+\ failed ]] || line='0 passed, 1 failed'
  echo "$1 ${*:3}: $line"
  read -r good _ bad _ left _ <<<"$line, 0 skipped"
  passed=$((passed + good)) failed=$((failed + ${bad%,})) skipped=$((skipped + ${left%,}))
}

suitesOf() { # NAME COMPILER RUNNER FLAGS
  local build=$here/$1 targets
  # shellcheck disable=SC2086 # flags are words
  need "$1: cmocka" cmockaFor "$build/cmocka" "$2" $4
  mapfile -t targets < <(programs "$build" unit misuse $([ -n "$3" ] || echo traces))
  need "$1: the programs build" makeFor "$1" "$2" "$4" "${targets[@]}" "$build/tests/model/exhaustive" "$build/tests/model/random" \
    "$build/tests/model/family"
  runs "$1" "$3" unit
  runs "$1" "$3" misuse
  runs "$1" "$3" exhaustive 3
  runs "$1" "$3" random 5000
  runs "$1" "$3" family 1000
  [ -n "$3" ] || runs "$1" '' traces
}

# The library as one source file, unoptimized, and a few programs without cmocka: seconds. The emulator is slow where much address space is
# looked for, so the model runs without it alone.
smokeOf() { # NAME COMPILER RUNNER FLAGS
  local build=$here/$1-smoke programs=(misuse/doubleFreeMiddleOfThree misuse/arenaDoubleFree misuse/fixedFreeOfWild misuse/freeOfSiblingsChunk) program
  [ -n "$3" ] || programs+=(model/random)
  need "$1: ${#programs[@]} programs build" env TEST_CFLAGS='-O0 -g0' CFLAGS='-O0 -g0' EXTRA="-w $4" make -s -j"$JOBS" ZSTD=0 SINGLE=1 \
    BUILD="$build" CC="$2" AR="$(archiver "$2")" "${programs[@]/#/$build/tests/}"
  # shellcheck disable=SC2086 # a command
  for program in "${programs[@]}"; do check "$1: $program" guarded $3 "$build/tests/$program" 300 1; done
}

# shellcheck source=tests/everywhere/preloaded.sh
. tests/everywhere/preloaded.sh

each() { # NAME COMPILER RUNNER PACKAGES FLAGS
  # shellcheck disable=SC2086 # packages are words
  hasCommands "$2" "$3" || install $4
  if ! hasCommands "$2" "$3"; then
    skip "$1" "$2${3:+ or ${3%% *}} is not installed$(dpkg -s gcc-multilib >/dev/null 2>&1 && echo ', and gcc-multilib is')"
  elif [ -n "${SMOKE:-}" ]; then
    smokeOf "$1" "$2" "$3" "$5"
  else
    suitesOf "$1" "$2" "$3" "$5"
    preloadedOf "$1" "$2" "$3" "$5"
    [ "$1" != musl ] || staticWithMusl
    [ "$1" != portable ] || check 'portable: the suite of the preload library' env BUILD="$here/portable-shared" CC="$2" sh tests/preload/run.sh
  fi
}

mkdir -p "$here"
asked=" $* "
[ -n "${SMOKE:-}" ] || need "cmocka's source" cmockaSource
[ "$failed" -eq 0 ] || finish
while IFS='|' read -r name compiler runner packages flags; do
  [[ $asked == '  ' || $asked == *" $name "* ]] && each "$name" "$compiler" "$runner" "$packages" "$flags" </dev/null
done < <(table)
finish
