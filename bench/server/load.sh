#!/usr/bin/env bash
# load.sh BUILD CC [SECONDS] [ROUNDS] - requests per second of examples/server, with pools and without, each load in turn: one tenant's small
# pages, its larger ones, and its pages while another tenant sends requests that are greedy. Needs wrk and libmicrohttpd-dev.
cd "$(dirname "$0")/../.." || exit 1
build=$1 cc=$2 seconds=${3:-4} rounds=${4:-5}
command -v wrk >/dev/null || { echo 'load.sh: wrk is not installed' >&2; exit 1; }
mkdir -p "$build/bench/server" || exit 1
flags=(-std=gnu11 -O2 -Wall -Wextra)
$cc "${flags[@]}" -Iinclude examples/server/server.c "$build/libmema.a" -lmicrohttpd -pthread -o "$build/bench/server/pools" &&
  $cc "${flags[@]}" -include bench/server/mallocInstead.h -Iinclude examples/server/server.c -lmicrohttpd -pthread \
    -o "$build/bench/server/malloc" || exit 1

servers=()
trap 'kill "${servers[@]}" 2>/dev/null' EXIT
start() { # PROGRAM: sets port and server
  exec 3< <(exec "$build/bench/server/$1" 0 alice=64M bob=64M)
  server=$!
  servers+=("$server")
  read -r -u 3 line
  port=${line##*:}
}

ticks() { # SERVER: the processor time that it has used, in clock ticks
  awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# Prints bob's requests per second, the time within which 99 % of them were answered, those that got no 200, the microseconds of the server's processor
# time for each, and its peak of resident memory. hostile: alice asks for pages of 20 MB meanwhile.
measure() { # PORT SERVER PATH [hostile]
  local greedy= before
  if [ "${4:-}" = hostile ]; then
    wrk -t1 -c2 -d"$((seconds + 1))s" "http://127.0.0.1:$1/alice/page?items=1000000" >/dev/null &
    greedy=$!
    sleep 0.5
  fi
  before=$(ticks "$2")
  wrk -t1 -c8 -d"${seconds}s" --latency "http://127.0.0.1:$1/$3" | awk '
    function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }
    $1 == "99%" { late = ms($2) } $1 == "Requests/sec:" { rate = $2 } /Non-2xx/ { bad = $NF }
    $2 == "requests" { count = $1 }
    END { printf "%.0f %.2f %d %d", rate, late, bad, count }'
  echo " $(($(ticks "$2") - before)) $(awk '$1 == "VmHWM:" { printf "%.1f", $2 / 1024 }' "/proc/$2/status")"
  [ -z "$greedy" ] || wait "$greedy"
}

median() { # COLUMN FILE
  sort -n -k"$1,$1" "$2" | awk -v c="$1" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}

scratch=$(mktemp -d) || exit 1
echo '| load | with | requests/s | 99 % within | processor time each | peak memory |'
echo '|---|---|---|---|---|---|'
while IFS='|' read -r name path hostile; do
  for kind in pools malloc; do : >"$scratch/$kind"; done
  for ((round = 0; round < rounds; round++)); do
    for kind in pools malloc; do
      start "$kind"
      measure "$port" "$server" "$path" "$hostile" >>"$scratch/$kind"
      kill "$server"
      exec 3<&-
    done
  done
  for kind in pools malloc; do
    awk '$3 > 0 { print "some answers were not 200" }' "$scratch/$kind" >&2
    awk -v tick="$(getconf CLK_TCK)" '{ print $1, $2, $5 * 1e6 / tick / $4, $6 }' "$scratch/$kind" >"$scratch/figures"
    echo "| $name | $kind | $(median 1 "$scratch/figures") | $(median 2 "$scratch/figures") ms | $(printf %.1f "$(median 3 "$scratch/figures")") µs |" \
      "$(median 4 "$scratch/figures") MB |"
  done
done <<'LOADS'
pages of 10 items|bob/page?items=10|
pages of 2,000 items (38 KB)|bob/page?items=2000|
pages of 10 items, beside greedy requests|bob/page?items=10|hostile
LOADS
rm -rf "$scratch"
