#!/bin/sh
# space.sh - what a process has mapped for mema, touched or not, counts: in a core dump, for mlockall, against limits that the process
# sets, and for the commit charge. It is in proportion to what is in use: at most half as much again as with the C library's malloc.
# BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh
programs=$scratch/programs
mkdir -p "$programs"
mib=8

compile() { # NAME FLAG...
  name=$1
  shift
  [ -z "$off" ] || return 0
  $CC -std=gnu11 -O2 -g -Wall -Wextra -fno-builtin -Iinclude -o "$programs/$name" tests/guest/space.c "$@" -pthread -ldl 2>"$scratch/compiler" ||
    notOk "$name" "does not compile: $(head -c 600 "$scratch/compiler")"
}

# figuresOf FILE COMMAND...: the figures that the program prints.
figuresOf() {
  file=$1
  shift
  [ -z "$off" ] || return 0
  guard "$@" figures >"$file" 2>"$scratch/err" || notOk "figures of $*" "$(head -c 600 "$scratch/err")"
}

kib() { # FIGURE FILE
  sed -n "s/^$1 //p" "$2"
}

# atMost NAME FIGURE NUMBER MOST
atMost() {
  [ -z "$off" ] || return 0
  if [ "${2:-0}" -gt 0 ] && [ "$2" -le "$3" ]; then ok "$1"; else notOk "$1" "$2 KiB, at most $3"; fi
}

# works NAME COMMAND...: status 0.
works() {
  name=$1
  shift
  [ -z "$off" ] || return 0
  guard sh -c 'exec "$@" >"$scratch/out" 2>"$scratch/err"' sh "$@"
  status=$?
  if [ $status -eq 0 ]; then ok "$name"; else notOk "$name" "status $status: $(grep -v '^mema run' "$scratch/err" | head -c 600)"; fi
}

compile program
compile pool -DPOOL "$BUILD/libmema.a"
compile plainPool -DPOOL -DPLAIN

section space

figuresOf "$scratch/libc" "$programs/program" $mib
figuresOf "$scratch/limited" "$BUILD/mema" run --pool 64M -- "$programs/program" $mib
figuresOf "$scratch/unlimited" "$BUILD/mema" run -- "$programs/program" $mib
figuresOf "$scratch/libcSmall" "$programs/plainPool" 64
figuresOf "$scratch/small" "$programs/pool" 64
for figure in core data commit; do
  most=$(($(kib $figure "$scratch/libc") * 3 / 2))
  atMost "$figure of a program of $mib MiB in a pool of 64 MiB" "$(kib $figure "$scratch/limited")" $most
  atMost "$figure of a program of $mib MiB in a pool without a limit" "$(kib $figure "$scratch/unlimited")" $most
  atMost "$figure of a program with one pool of 64 KiB" "$(kib $figure "$scratch/small")" $(($(kib $figure "$scratch/libcSmall") * 3 / 2))
done
same 'huge pages that the system may fill by itself, in a pool of 64 MiB' 0 "$(kib huge "$scratch/limited")"
same 'huge pages that the system may fill by itself, in a pool without a limit' 0 "$(kib huge "$scratch/unlimited")"
atMost 'address space of a program in a pool without a limit: some tens of MiB' "$(kib size "$scratch/unlimited")" 65536

# ---- core dumps ------------------------------------------------------------------------------------------------------------
section cores

# coreOf COMMAND...: the bytes of the core file of the command, which ends by a signal.
coreOf() {
  rm -rf "$scratch/cores" && mkdir "$scratch/cores"
  (cd "$scratch/cores" && guard "$@" abort >"$scratch/out" 2>"$scratch/err")
  cat "$scratch/cores"/core* 2>/dev/null | wc -c
}

case $(cat /proc/sys/kernel/core_pattern) in
  core*) writes=1 ;;
  *) writes= ;;
esac
if [ -n "$off" ]; then
  :
elif [ -n "$writes" ] && [ "$(coreOf "$programs/program" 1)" -gt 0 ]; then
  build=$(cd "$BUILD" && pwd)
  most=$(($(coreOf "$programs/program" $mib) / 1024 * 3 / 2))
  atMost "a core file of $mib MiB in a pool of 64 MiB" "$(($(coreOf "$build/mema" run --pool 64M -- "$programs/program" $mib) / 1024))" $most
  atMost "a core file of $mib MiB in a pool without a limit" "$(($(coreOf "$build/mema" run -- "$programs/program" $mib) / 1024))" $most
else
  skip 'core files' 'no core files are written into the working directory here'
fi

section debugger

# gcoreOf COMMAND...: the bytes of the core file that gdb writes of the command.
gcoreOf() {
  rm -rf "$scratch/cores" && mkdir "$scratch/cores"
  guard "$@" gcore "$scratch/cores/core" >"$scratch/out" 2>"$scratch/err"
  cat "$scratch/cores"/core* 2>/dev/null | wc -c
}

if [ -n "$off" ]; then
  :
elif command -v gcore >/dev/null && [ "$(gcoreOf "$programs/program" 1)" -gt 0 ]; then
  most=$(($(gcoreOf "$programs/program" $mib) / 1024 * 3 / 2))
  for pool in '' '--pool 64M'; do
    atMost "mema run $pool: a core file of $mib MiB that gdb writes" "$(($(gcoreOf "$BUILD/mema" run --no-inherit $pool -- "$programs/program" $mib) / 1024))" $most
  done
else
  skip 'core files that gdb writes' 'no gcore, or it may not look into a process here'
fi

# ---- limits and locks that a process sets when it has begun --------------------------------------------------------------
section limits

for pool in '' '--pool 64M'; do
  works "mema run $pool: RLIMIT_AS of 512 MiB, set inside" "$BUILD/mema" run $pool -- "$programs/program" $mib as $((512 << 20))
  works "mema run $pool: RLIMIT_DATA of 256 MiB, set inside" "$BUILD/mema" run $pool -- "$programs/program" $mib data $((256 << 20))
done

section locks

# A regression would lock as much memory as is mapped, so that is looked at first.
figuresOf "$scratch/unlimited" "$BUILD/mema" run -- "$programs/program" $mib
if [ -n "$off" ]; then
  :
elif [ "$(kib data "$scratch/unlimited")" -gt 35000 ]; then
  notOk 'mlockall of a program in a pool' "$(kib data "$scratch/unlimited") KiB would be locked"
elif "$programs/program" 1 lock 2>/dev/null; then
  for pool in '' '--pool 64M'; do works "mema run $pool: mlockall" "$BUILD/mema" run $pool -- "$programs/program" $mib lock; done
  works 'mlockall with a pool of 64 KiB' "$programs/pool" 64 lock
else
  skip 'mlockall' 'this process may not lock so much'
fi

finish
