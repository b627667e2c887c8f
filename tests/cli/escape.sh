#!/bin/sh
# escape.sh - programs that a preloaded library does not reach: refused, reached all the same, or told. BUILD is the directory of the
# products (default: build), CC the compiler. The programs are in tests/escape.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh
programs=$scratch/programs
mkdir "$programs"
for source in tests/escape/*.c; do
  $CC -std=gnu11 -O1 -Wall -Wextra -o "$programs/$(basename "$source" .c)" "$source" -pthread || notOk "$source" 'does not compile'
done
hello=$programs/hello
static=
$CC -O1 -static -o "$programs/helloStatic" tests/escape/hello.c 2>"$scratch/compiler" && static=$programs/helloStatic
isRoot=
[ "$(id -u)" -ne 0 ] || isRoot=yes

# forged FILE BYTE VALUE [PROGRAM]: a copy of hello, or of another program, with one byte of its ELF header changed, in octal.
forged() {
  cp "${4:-$hello}" "$scratch/$1" && chmod +x "$scratch/$1"
  printf "\\$3" | dd of="$scratch/$1" bs=1 seek="$2" conv=notrunc 2>"$scratch/dd"
}
forged narrow 4 1       # EI_CLASS: the other word size
[ "$(getconf LONG_BIT)" = 64 ] || forged narrow 4 2
forged strange 18 367   # e_machine: a number that no machine has
# The loader of another C library is a program as well: one that is there can be started.
$CC -O1 -o "$scratch/musl" tests/escape/hello.c -Wl,--dynamic-linker="$scratch/ld-musl-any.so.1"
[ -z "$static" ] || cp "$static" "$scratch/ld-musl-any.so.1"

# script NAME LINE...: executable, of these lines.
script() {
  file=$scratch/$1
  shift
  printf '%s\n' "$@" >"$file"
  chmod +x "$file"
}

# ---- the command itself --------------------------------------------------------------------------------------------------

for command in run "record -o $scratch/t.mema"; do
  word=${command%% *}
  if [ -n "$static" ]; then
    refuses "$word: static" 2 "^mema $word: '.*helloStatic' is statically linked: it loads no libraries, so " $command -- "$static"
    script chain "#! $static -x"
    script longChain "#!$scratch/chain"
    refuses "$word: a script of a static interpreter" 2 "'.*/helloStatic' is statically linked" $command -- "$scratch/chain"
    refuses "$word: a script of a script of a static interpreter" 2 "'.*/helloStatic' is statically linked" $command -- "$scratch/longChain"
  else
    skip "$word: static" 'the C library has no static form here'
  fi
  refuses "$word: another word size" 2 "'.*/narrow' is a (32|64)-bit program: .* cannot be loaded into it, so " $command -- "$scratch/narrow"
  refuses "$word: another machine" 2 "'.*/strange' is made for another machine" $command -- "$scratch/strange"
  refuses "$word: another C library" 2 "'.*/musl' belongs to another C library" $command -- "$scratch/musl"
  script lost '#! /bin/nosuch -x'
  refuses "$word: a missing interpreter is named" 127 "^mema $word: cannot run '.*/lost': its interpreter '/bin/nosuch' is not there$" $command -- "$scratch/lost"
  script lostLater "#!$scratch/lost"
  refuses "$word: a missing interpreter of an interpreter" 127 "lostLater': its interpreter '/bin/nosuch' is not there$" $command -- "$scratch/lostLater"
  script plain 'echo "plain $0 $1 $#"' 'exit 6'
  run $command -- "$scratch/plain" 'a b' c
  same "$word: a script without #!" "6 plain $scratch/plain a b 2" "$status $(cat "$scratch/out")"
done
(PATH=$scratch:$PATH; run run -- plain x; echo "$status" >"$scratch/status")
same 'a script without #!, found in PATH' "6 plain $scratch/plain x 1" "$(cat "$scratch/status") $(cat "$scratch/out")"
run run -- "$scratch/plain"
has 'a script without #!: in a pool' '^mema run: sh ' "$scratch/err"
forged object 16 1 "$("$hello" loader)" # e_type: a file to be linked
refuses 'an object file' 126 'Exec format error' run -- "$scratch/object"
: >"$scratch/empty" && chmod +x "$scratch/empty"
run run -- "$scratch/empty"
same 'an empty script' 0 "$status"
$CC -O1 -o "$scratch/loaderless" tests/escape/hello.c -Wl,--dynamic-linker="$scratch/none/$(basename "$("$hello" loader)")"
refuses 'a missing loader is named' 127 "loaderless': its interpreter '.*/none/.*' is not there$" run -- "$scratch/loaderless"
run run -- "$("$hello" loader)" "$hello"
same 'the loader as a program reaches what it loads' "0 hello preloaded" "$status $(cat "$scratch/out")"

# What is set-user-ID to the user that runs it has no privileges, and loads libraries.
cp "$hello" "$scratch/ownUser" && chmod u+s "$scratch/ownUser"
run run -- "$scratch/ownUser"
same 'set-user-ID to oneself: reached' "0 hello preloaded" "$status $(cat "$scratch/out")"
if [ -n "$isRoot" ]; then
  cp "$hello" "$scratch/setUser" && chown 65534 "$scratch/setUser" && chmod u+s "$scratch/setUser"
  cp "$hello" "$scratch/setGroup" && chgrp 65534 "$scratch/setGroup" && chmod g+sx "$scratch/setGroup"
  cp "$hello" "$scratch/oldLock" && chgrp 65534 "$scratch/oldLock" && chmod g+s,g-x "$scratch/oldLock"
  refuses 'set-user-ID' 2 "'.*/setUser' is set-user-ID: such programs run without preloaded libraries, so no pool can hold it$" run -- "$scratch/setUser"
  refuses 'set-group-ID' 2 "'.*/setGroup' is set-group-ID" run -- "$scratch/setGroup"
  run run -- "$scratch/oldLock"
  same 'set-group-ID without the right to execute: reached' "0 hello preloaded" "$status $(cat "$scratch/out")"
else
  skip 'set-user-ID, set-group-ID' 'only root can make them of other users'
fi

finish
