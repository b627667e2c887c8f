#!/usr/bin/env bash
# Programs that were linked with an earlier libmema.so go on working: what it exports, and the types behind it, are as in packaging/abi/.
# A new function is no change.
. "$(dirname "$0")/checks.sh"
dump=packaging/abi/$(uname -m).abi
if ! command -v abidiff >/dev/null; then
  skip 'the binary interface' 'abigail-tools is not installed'
  finish
elif [ ! -e "$dump" ]; then
  skip 'the binary interface' "there is no $dump"
  finish
fi

dumps() {
  make -s BUILD="$BUILD" CC="$CC" abiDump="$scratch/now.abi" abi
}

isAsBefore() {
  abidiff --no-added-syms "$dump" "$scratch/now.abi" && return
  echo "A program linked with an earlier library may break. If no release has that interface, or SOVERSION in the Makefile is a new one,"
  echo 'make abi writes the file anew, for the same commit. Otherwise the change has to go.'
  return 1
}

# The dump with another struct, and with a function that the library lacks, does not pass.
notices() { # SED-EXPRESSION COMPLAINT
  sed "$1" "$scratch/now.abi" >"$scratch/other.abi"
  abidiff --no-added-syms "$scratch/other.abi" "$scratch/now.abi" >"$scratch/said"
  local status=$?
  cat "$scratch/said"
  [ $status -ne 0 ] && grep -q "$2" "$scratch/said"
}

symbolsAreListed() {
  diff <(sed -n 's/^ \(mema_[A-Za-z]*\)@MEMA_0 .*/\1/p' debian/libmema0.symbols) tests/exports/libmema.txt
}

need 'the dump is written' dumps
check 'the public interface is that of the dump' isAsBefore
check 'a struct of another size is noticed' notices "s/\(name='mema_Options' size-in-bits='\)[0-9]*/\164/" "mema_Options"
check 'a function that has gone is noticed' notices "s/mema_pmemalign/mema_pmemgone/g" 'mema_pmemgone'
check "Debian's list of symbols is tests/exports/libmema.txt" symbolsAreListed
finish
