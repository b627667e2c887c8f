#!/usr/bin/env bash
# Pools where address space is short: 64 MiB for the whole process.
. "$(dirname "$0")/checks.sh"

limited() {
  (ulimit -v 65536 && guarded "$BUILD/tests/programs/fill" "$@")
}

check '16 MiB in chunks of 1 KiB under ulimit -v 65536' limited exact 16777216 1024
check '16 MiB in chunks of 1 MiB under ulimit -v 65536' limited exact 16777216 1048576
check '16 MiB in chunks of 10,000 bytes under ulimit -v 65536' limited exact 16777216 10000
check '1 MiB in chunks of 16 bytes under ulimit -v 65536' limited exact 1048576 16
check '1 GiB in chunks of 1 KiB: the system runs out, the pool does not mind' limited until 1073741824 1024
check '1 GiB in chunks of 1 MiB: the system runs out, the pool does not mind' limited until 1073741824 1048576
check '1 TiB in chunks of 40,000 bytes: the system runs out, the pool does not mind' limited until 1099511627776 40000
finish
