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
loader=$("$hello" loader | tail -n 1)
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
# By another name it is the loader of another C library.
$CC -O1 -o "$scratch/musl" tests/escape/hello.c -Wl,--dynamic-linker="$scratch/ld-musl-any.so.1"
cp "$loader" "$scratch/ld-musl-any.so.1"

# script NAME LINE...: executable, of these lines.
script() {
  file=$scratch/$1
  shift
  printf '%s\n' "$@" >"$file"
  chmod +x "$file"
}

# ---- the command itself --------------------------------------------------------------------------------------------------
section commands

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
forged object 16 1 "$loader" # e_type: a file to be linked
refuses 'an object file' 126 'Exec format error' run -- "$scratch/object"
: >"$scratch/empty" && chmod +x "$scratch/empty"
run run -- "$scratch/empty"
same 'an empty script' 0 "$status"
$CC -O1 -o "$scratch/loaderless" tests/escape/hello.c -Wl,--dynamic-linker="$scratch/none/$(basename "$loader")"
refuses 'a missing loader is named' 127 "loaderless': its interpreter '.*/none/.*' is not there$" run -- "$scratch/loaderless"
run run -- "$loader" "$hello"
same 'the loader as a program reaches what it loads' "0 hello preloaded" "$status $(cat "$scratch/out")"

# A program that is set-user-ID to its own user has no privileges, and loads libraries.
cp "$hello" "$scratch/ownUser" && chmod u+s "$scratch/ownUser"
run run -- "$scratch/ownUser"
same 'set-user-ID to oneself: reached' "0 hello preloaded" "$status $(cat "$scratch/out")"
if [ -n "$isRoot" ]; then
  cp "$hello" "$scratch/setUser" && chown 65534 "$scratch/setUser" && chmod u+s "$scratch/setUser"
  cp "$hello" "$scratch/setGroup" && chgrp 65534 "$scratch/setGroup" && chmod g+sx "$scratch/setGroup"
  cp "$hello" "$scratch/oldLock" && chgrp 65534 "$scratch/oldLock" && chmod g+s,g-x "$scratch/oldLock"
  refuses 'set-user-ID' 2 "'.*/setUser' is set-user-ID: such programs run without preloaded libraries, so no pool can hold it; start a copy of it without these privileges$" run -- "$scratch/setUser"
  refuses 'set-group-ID' 2 "'.*/setGroup' is set-group-ID" run -- "$scratch/setGroup"
  run run -- "$scratch/oldLock"
  same 'set-group-ID without the right to execute: reached' "0 hello preloaded" "$status $(cat "$scratch/out")"
else
  skip 'set-user-ID, set-group-ID' 'only root can make them of other users'
fi


# ---- the programs that it starts: an emptied environment -----------------------------------------------------------------

starter=$programs/starter
preload=$(realpath "$library")
replacing='execve execv execvp execvpe execl execlp execle execveat execveatEmpty fexecve'
calls="$replacing vfork posix_spawn posix_spawnp"
shells='system popen'

# said: stdout of the last run in one line.
said() {
  tr '\n' ' ' <"$scratch/out"
}

# flat: stderr of the last run in one line.
flat() {
  tr '\n' ' ' <"$scratch/err" | tr -s ' '
}

# told NAME PROGRAM REASON: in the summary of the last run.
told() {
  if flat | grep -Fq "mema run: 1 program could not be reached: $2 ($3)"; then ok "$1"; else notOk "$1" "$(flat)"; fi
}

for how in $calls $shells; do
  run run --pool 4M -- "$starter" $how none "$hello" MEMA_POOL_SIZE MEMA_MMAP
  same "$how, no environment: reached" '0 hello preloaded 4194304 1 ' "$status $(said)"
  same "$how, no environment: nothing to tell" 0 "$(grep -c 'reached' "$scratch/err")"
  run run --pool 4M --no-inherit --report "$scratch/r.json" -- "$starter" $how none "$hello" LD_PRELOAD MEMA_TABLE
  same "$how, no environment, --no-inherit: left alone" '0 hello alone unset unset ' "$status $(said)"
  case $how in system | popen) name=sh ;; *) name=hello ;; esac
  told "$how, no environment, --no-inherit: told" $name 'environment without the library'
  has "$how, no environment, --no-inherit: in the report" "\"command\": \"$name\", \"pid\": ([0-9]+|null), \"reason\": \"environment without the library\", \"started\": true\}" "$scratch/r.json"
  run run --no-inherit --strict -- "$starter" $how none "$hello"
  same "$how, no environment, --no-inherit --strict: refused" '100 EACCES ' "$status $(said)"
  run run -- "$starter" $how /nothing.so:/else.so "$hello" LD_PRELOAD
  same "$how, another LD_PRELOAD: kept behind ours" "0 hello preloaded $preload:/nothing.so:/else.so " "$status $(said)"
done
run run -- "$starter" execve "/nothing.so $preload" "$hello" LD_PRELOAD
same 'LD_PRELOAD with ours in it: as it was' "0 hello preloaded /nothing.so $preload " "$status $(said)"
run run -- "$starter" execve "$preload.more" "$hello" LD_PRELOAD
same 'LD_PRELOAD with a longer name' "0 hello preloaded $preload:$preload.more " "$status $(said)"
run run -- sh -c "unset LD_PRELOAD; '$hello'"
same 'unset LD_PRELOAD: reached' 'hello preloaded 0' "$(said)$(grep -c reached "$scratch/err")"
run run --pool 4M -- sh -c "unset MEMA_POOL_SIZE MEMA_TABLE; '$hello' MEMA_POOL_SIZE"
same 'unset MEMA_POOL_SIZE: put back' 'hello preloaded 4194304 ' "$(said)"
run run --pool 1M -- env -i "$hello" PATH MEMA_POOL_SIZE
same 'env -i: reached, and nothing else is put back' 'hello preloaded unset 1048576 ' "$(said)"
has 'env -i: told of' '^mema run: hello \([0-9]+\) in a pool of 1\.0 MiB' "$scratch/err"
run run -- "$starter" system none "echo 'one  two' \"three 'four\" \$((2 + 3)); exit 7"
same 'system: the command is the same' "7 one  two three 'four 5 " "$status $(said)"

run run -- "$starter" system none '-x 2>/dev/null || echo instead'
same 'system: a command that begins with a dash' '0 instead ' "$status $(said)"

# A run within a run has its own settings.
run run --pool 32M -- "$mema" run --pool 16M -- "$starter" execve none "$hello" MEMA_POOL_SIZE
same 'a run in a run: the inner one is inherited' 'hello preloaded 16777216 ' "$(said)"
run run --pool 32M -- "$mema" run -- "$starter" execve same "$hello" MEMA_POOL_SIZE
same 'a run in a run: a budget that is left out stays so' 'hello preloaded unset ' "$(said)"
run run -- "$mema" record -o "$scratch/t.mema" -- "$starter" execve none "$hello" LD_PRELOAD
same 'a record in a run: both, in their order' "hello preloaded $(dirname "$preload")/libmema-record.so:$preload " "$(said)"
for how in $calls $shells; do
  run record -o "$scratch/t.mema" -- "$starter" $how none "$hello" MEMA_RECORD
  has "record: $how, no environment: reached" '^/.*\.raw$' "$scratch/out"
done

# ---- large environments --------------------------------------------------------------------------------------------------

# The variables of `mema run`, and LD_PRELOAD.
run run -- "$starter" execve none "$hello" '#'
own=$(sed -n 2p "$scratch/out")
for how in execve posix_spawn; do
  for count in 1 1000 50000; do
    run run -- "$starter" $how $count "$hello" '#'
    same "$how, $count variables: reached" "0 hello preloaded $((count + own)) " "$status $(said)"
  done
done
run run -- "$starter" vfork 3000 "$hello" '#'
same 'vfork, 3000 variables: reached' "0 hello preloaded $((3000 + own)) " "$status $(said)"
run run -- "$starter" vfork 9000 "$hello" '#'
same 'vfork, 9000 variables: E2BIG' '100 E2BIG ' "$status $(said)"
run run --no-inherit -- "$starter" vfork 9000 "$hello" '#'
same 'vfork, 9000 variables, --no-inherit: as it is' '0 hello alone 9000 ' "$status $(said)"
run run -- "$starter" vforkOften 1000 "$hello"
same 'vfork: nothing is left in the parent' 0 "$status"
run run -- "$starter" cancelled none "$hello"
same 'posix_spawn: no thread is cancelled in it' '0 hello preloaded ' "$status $(said)"
run run -- "$starter" narrow none "$hello"
same 'posix_spawn: a thread with the smallest stack' '0 hello preloaded ' "$status $(said)"
run run --strict -- "$starter" errno none "$hello"
same 'posix_spawn: errno is left alone, and a run that is over is no obstacle' '0 hello preloaded ' "$status $(said)"

# ---- programs that cannot be reached -------------------------------------------------------------------------------------

# escapes NAME PROGRAM REASON [WORD]: started by a shell. It runs (and says the word), and is told; under --strict it is refused, and told.
escapes() {
  escaped=$(basename "$2")
  run run --report "$scratch/r.json" -- sh -c "'$2'; exit 3"
  same "$1: goes on" "3 hello ${4:-alone}" "$status $(head -n 1 "$scratch/out")"
  run run -- sh -c "'$2'; exit 3"
  told "$1: told" "$escaped" "$3"
  has "$1: in the report" "\"command\": \"$escaped\", \"pid\": [0-9]+, \"reason\": \"$3\", \"started\": true\}" "$scratch/r.json"
  run run --strict --report "$scratch/r.json" -- sh -c "'$2'; exit 3"
  same "$1, --strict: not started" '3 ' "$status $(said)"
  has "$1, --strict: said at once" "^mema: '$escaped' is not started \(--strict\): it" "$scratch/err"
  has "$1, --strict: in the report" "\"command\": \"$escaped\", .*\"reason\": \"$3\", \"started\": false\}" "$scratch/r.json"
}

escapes 'another C library' "$scratch/musl" 'another C library'
# The kernel runs this one: it does not look at that byte.
run run --strict -- "$starter" execve same "$scratch/narrow"
same 'another word size, --strict: refused' '100 EACCES ' "$status $(said)"
has 'another word size, --strict: said' "^mema: 'narrow' is not started \(--strict\): it is a (32|64)-bit program" "$scratch/err"
run run -- "$starter" posix_spawn same "$scratch/strange"
same 'another machine: the kernel refuses' '100 ENOEXEC ' "$status $(said)"
same 'another machine: not started, not told' 0 "$(grep -c reached "$scratch/err")"
run run --strict -- "$starter" posix_spawn same "$scratch/strange"
same 'another machine, --strict: refused' '100 EACCES ' "$status $(said)"
if [ -n "$isRoot" ]; then
  escapes 'set-user-ID' "$scratch/setUser" 'set-user-ID'
  escapes 'set-group-ID' "$scratch/setGroup" 'set-group-ID'
  run run -- sh -c "'$scratch/oldLock'"
  same 'set-group-ID without the right to execute: reached by a shell' 'hello preloaded ' "$(said)"
else
  skip 'set-user-ID, set-group-ID, by a shell' 'only root can make them of other users'
fi
run run -- sh -c "'$scratch/ownUser'"
same 'set-user-ID to oneself: reached by a shell' 'hello preloaded 0' "$(said)$(grep -c reached "$scratch/err")"
run run --strict -- sh -c "'$loader' '$hello'"
same 'the loader, by a shell: reached' 'hello preloaded ' "$(said)"
if [ -n "$static" ]; then
  escapes 'static' "$static" static
  escapes 'a script of a static interpreter' "$scratch/chain" 'interpreter: static'
  for how in $calls; do
    run run --report "$scratch/r.json" -- "$starter" $how same "$static" pid
    same "$how, static: goes on" '0 hello alone' "$status $(head -n 1 "$scratch/out")"
    told "$how, static: told" helloStatic static
    has "$how, static: its number" "\"pid\": $(tail -n 1 "$scratch/out"), \"reason\": \"static\"" "$scratch/r.json"
    run run --strict -- "$starter" $how same "$static"
    same "$how, static, --strict: refused" '100 EACCES ' "$status $(said)"
    run run -- "$starter" $how none "$static" MEMA_STRICT
    same "$how, static, no environment: put back for its children" '0 hello alone 0 ' "$status $(said)"
  done
  (PATH=$programs:$PATH; export PATH; for how in execvp execvpe execlp posix_spawnp; do
    run run --report "$scratch/r.json" -- "$starter" $how same helloStatic
    echo "$status $(said)$(grep -c '"reason": "static"' "$scratch/r.json")"
  done) >"$scratch/found"
  same 'found in PATH, static: told' 4 "$(grep -c '^0 hello alone 1$' "$scratch/found")"
  run run -- sh -c "'$static' \"\$(head -c 140000 /dev/zero | tr '\\0' x)\"; exit 5"
  same 'static, not started for its arguments: not told' '5 0' "$status $(grep -c reached "$scratch/err")"
  run run -- sh -c "'$static'; '$static'; '$scratch/musl'"
  has 'two kinds: counted' '^mema run: 3 programs could not be reached:$' "$scratch/err"
  has 'two kinds: one line for each, the most frequent first' '^  musl \(another C library\)$' "$scratch/err"
  same 'two kinds: how often' '  helloStatic (static), 2 times' "$(grep -A1 'could not be reached' "$scratch/err" | tail -n 1)"
  for number in 1 2 3 4 5 6 7; do ln -s "$static" "$scratch/static$number"; done
  run run -- sh -c 'for number in 1 2 3 4 5 6 7; do "$0$number"; done' "$scratch/static"
  same 'seven kinds: five lines' 5 "$(grep -c '^  static[0-9] (static)$' "$scratch/err")"
  has 'seven kinds: the others are counted' '^  and 2 more$' "$scratch/err"
  run run --report "$scratch/r.json" -- "$starter" spawnOften same "$static"
  same 'very many: the status stays' 0 "$status"
  same 'very many: as many as there is room for' 1 "$(flat | grep -c 'mema run: 1000 programs could not be reached: helloStatic (static), 1000 times')"
  has 'very many: the others are counted' '^  and 5 more, which the list had no room for$' "$scratch/err"
  has 'very many: in the report' '"unreachedLost": 5,' "$scratch/r.json"
  run record -o "$scratch/t.mema" -- sh -c "'$static'; exit 4"
  same 'record: the status stays' 4 "$status"
  has 'record: told' '^mema record: 1 program could not be reached: helloStatic \(static\)$' "$scratch/err"
else
  skip 'static' 'the C library has no static form here'
fi
run run -- "$starter" execvp same "$scratch/plain"
same 'execvp runs a script without #!' "6 plain $scratch/plain  0 " "$status $(said)"
run run -- "$starter" execve same "$scratch/plain"
same 'execve does not' '100 ENOEXEC ' "$status $(said)"
run run -- "$starter" execvp same "$scratch/lost"
same 'a missing interpreter, by execvp' '100 ENOENT ' "$status $(said)"
run run -- "$starter" execvp same ''
same 'an empty name' '100 ENOENT ' "$status $(said)"

# ---- other users ---------------------------------------------------------------------------------------------------------

# asOther ARGUMENT...: a run whose program becomes another user, which can read all files but those named below.
others=$scratch/others
mkdir "$others"
cp "$mema" "$library" "$starter" "$hello" "$others"
if [ -n "$isRoot" ] && chmod 755 "$scratch" "$others"; then
  mema=$others/mema
  chmod 700 "$others/libmema-preload.so"
  run run -- "$others/starter" other same "$others/hello"
  told 'a user who may not read the library: told' hello 'cannot open the library'
  chmod 755 "$others/libmema-preload.so"
  run run -- "$others/starter" other same "$others/hello"
  same 'a user who may not open the table: preloaded' 'hello preloaded ' "$(said)"
  told 'a user who may not open the table: told' hello 'cannot open the table of figures'
  run run -- "$others/starter" raised same "$others/hello"
  told 'another effective user: told' hello 'raised privileges'
  cp "$hello" "$others/capable"
  if PATH=$PATH:/sbin:/usr/sbin setcap cap_net_raw+ep "$others/capable" 2>/dev/null; then
    run run -- "$others/starter" other same "$others/capable"
    told 'file capabilities: told' capable 'file capabilities'
    run run -- sh -c "'$others/capable'"
    same 'file capabilities, which root has: reached' 'hello preloaded 0' "$(said)$(grep -c reached "$scratch/err")"
  else
    skip 'file capabilities' 'setcap is not there or not allowed'
  fi
else
  skip 'other users' 'only root can become them'
fi

finish
