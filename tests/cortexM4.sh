#!/usr/bin/env bash
# libmema-fixed.a on a Cortex-M4 without an operating system: qemu's board mps2-an386 runs the program of tests/freestanding, optimized for
# size and for speed. A program that makes four calls (init, palloc, pfree, check) takes so much code and data of the library.
. "$(dirname "$0")/checks.sh"
here=$BUILD/everywhere/cortexM4
processor=(-mcpu=cortex-m4 -mthumb)
compiler=arm-none-eabi-gcc
for tool in $compiler qemu-system-arm; do
  command -v $tool >/dev/null && continue
  skip 'Cortex-M4' "$tool is not installed"
  finish
done

library() { # FLAG…
  rm -rf "$here" && make -s BUILD="$here" CC=$compiler AR=arm-none-eabi-gcc-ar CFLAGS="$* ${processor[*]}" EXTRA=-Werror "$here/libmema-fixed.a"
}

links() { # SOURCE FLAG…
  "$compiler" -std=c11 -Iinclude "${processor[@]}" -ffreestanding -ffunction-sections -fdata-sections "${@:2}" -nostdlib -Wl,--gc-sections \
    -Wl,-Map="$here/map" -T tests/freestanding/cortexM4.ld tests/freestanding/cortexM4.c "$1" "$here/libmema-fixed.a" -lgcc -o "$here/program"
}

runs() { # STATUS
  guarded qemu-system-arm -M mps2-an386 -display none -semihosting-config enable=on,target=native -kernel "$here/program"
  [ $? -eq "$1" ]
}

passes() { # SOURCE FLAG…
  links "$@" && runs 0
}

# A check that fails ends the program with its line.
fails() {
  sed 's/pfree(&pool, hidden(live\[i\] + 1))/pfree(\&pool, hidden(live[i] + 0))/' tests/freestanding/program.c >"$here/wrong.c"
  links "$here/wrong.c" -Os && runs $(($(grep -n 'hidden(live\[i\] + 0)' "$here/wrong.c" | cut -d: -f1) % 255 + 1))
}

# Prints the bytes of code, and of data without the buffer and the Pool, of a linked program.
sizes() { # SOURCE FLAG…
  links "$@" && "${compiler/gcc/nm}" -S "$here/program" | awk '
    function value(hex,  i, n) { for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1; return n }
    NF == 4 && $4 !~ /^(vectors|buffer|pool)$/ && !seen[$1]++ {
      if ($3 ~ /[tT]/) code += value($2)
      if ($3 ~ /[bBdD]/) data += value($2)
    }
    END { print code + 0, data + 0 }'
}

# The four calls, with the function that makes them, beside a program that makes none. Constants (the sentences of errors) are no code.
fits() { # MOST-CODE MOST-DATA FLAG…
  local none four
  echo 'int run(void); int run(void) { return 0; }' >"$here/none.c"
  read -r -a none < <(sizes "$here/none.c" "${@:3}")
  read -r -a four < <(sizes tests/freestanding/fourCalls.c "${@:3}")
  [ "${#none[@]}${#four[@]}" = 22 ] || return
  local code=$((four[0] - none[0])) data=$((four[1] - none[1]))
  echo "Cortex-M4 ${*:3}, init, palloc, pfree, check: $code bytes of code, $data of data" >&3
  [ $code -le "$1" ] && [ $data -le "$2" ]
}

exec 3>&1
for flags in -O2 -Os; do
  need "$flags: the library builds" library $flags
  check "$flags: a program without an operating system" passes tests/freestanding/program.c $flags
done
check 'a program whose check fails ends with its line' fails
check 'four calls take 8 KiB of code at most' fits 8192 200 -Os
need '-Os -flto: the library builds' library -Os -flto -ffat-lto-objects
check '-Os -flto: a program without an operating system' passes tests/freestanding/program.c -Os -flto
check 'four calls take 6.5 KiB of code at most with -flto' fits 6656 200 -Os -flto
finish
