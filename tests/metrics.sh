#!/usr/bin/env bash
# mema_writeStats: its JSON fits docs/stats.schema.json, and whatever differs from it by a key or a kind does not; its OpenMetrics is read by
# the reference parser of Prometheus, and has each series once. With WHOLE=1 (make test-metrics) a real Prometheus scrapes it, too.
. "$(dirname "$0")/checks.sh"
openMetrics=tests/metrics/openMetrics.py
read -r -a cc <<<"$CC"

pythonWith() { # MODULE: prints the python3 that has it; one beside Debian's need not have Debian's packages
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c "import $1" 2>/dev/null && echo "$python" && return
  done
  return 1
}

written() { # FORMAT FILE
  guarded "$scratch/pools" "$1" >"$2" && [ -s "$2" ]
}

fits() { # FILE [PATH=JSON…]
  local answer
  answer=$("$jsonPython" -W ignore tests/cli/checkReport.py --strict docs/stats.schema.json "$@") || return
  [ "$answer" = ok ] || { echo "$answer"; false; }
}

# Faulty texts that the reference parser accepts, and others that it refuses.
isSeen() { # SED-SCRIPT
  sed "$1" "$scratch/figures.om" >"$scratch/wrong.om" && ! cmp -s "$scratch/figures.om" "$scratch/wrong.om" &&
    ! "$metricsPython" $openMetrics check "$scratch/wrong.om"
}

# Both servers end with the check.
scrape() {
  local exporter prometheus port answer try status=1
  "$metricsPython" $openMetrics serve "$scratch/figures.om" "$scratch/exporter" &
  exporter=$!
  for ((try = 0; try < 300 && status != 0; try++)); do # at most half a minute
    if [ -s "$scratch/exporter" ]; then status=0; else sleep 0.1; fi
  done
  port=$("$metricsPython" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat >"$scratch/prometheus.yml" <<YML
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: mema
    honor_labels: true
    static_configs: [{ targets: ["127.0.0.1:$(cat "$scratch/exporter")"] }]
YML
  prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/tsdb" --web.listen-address="127.0.0.1:$port" \
    >"$scratch/prometheus.log" 2>&1 &
  prometheus=$!
  answer=$("$metricsPython" $openMetrics scraped "$scratch/figures.om" "http://127.0.0.1:$port" 2>&1)
  status=$?
  kill "$exporter" "$prometheus"
  wait "$exporter" "$prometheus"
  [ $status -eq 0 ] || { echo "$answer"; tail -3 "$scratch/prometheus.log"; false; }
}

need 'the program' "${cc[@]}" -std=gnu11 -O1 -Wall -Wextra -Werror -Iinclude -o "$scratch/pools" tests/metrics/pools.c "$BUILD/libmema.a" -pthread
need 'text' written 0 "$scratch/figures.txt"
need 'JSON' written 1 "$scratch/figures.json"
need 'OpenMetrics' written 2 "$scratch/figures.om"
check 'a full disk is told' bash -c '! "$1" 2 >/dev/full' - "$scratch/pools"
if jsonPython=$(pythonWith jsonschema); then
  check 'the JSON fits its schema, and nothing that differs does' fits "$scratch/figures.json" 'pools.0.name="root"' pools.0.poolSize=null \
    pools.1.parent=1 pools.0.chargedBytes=1234 'mema="0.1.0"'
else
  skip 'the JSON fits its schema' 'python3-jsonschema is not there'
fi
if metricsPython=$(pythonWith prometheus_client.openmetrics.parser); then
  check 'the reference parser reads the OpenMetrics, and each series is there once' "$metricsPython" $openMetrics check "$scratch/figures.om"
  check 'a missing end is seen' isSeen '/^# EOF$/d'
  check 'a series that is there twice is seen' isSeen '/^mema_live_bytes/p'
  check 'a counter without _total is seen' isSeen 's/^mema_frees_total/mema_frees/'
  check 'a label that is not escaped is seen' isSeen 's/\\"/"/'
  check 'a unit that is no suffix is seen' isSeen 's/^# UNIT mema_free_bytes bytes/# UNIT mema_free_bytes octets/'
  check 'a figure that is not the others'"'"' sum is seen' isSeen 's/^\(mema_live_bytes{pool="same".*\) 1./\1 9/'
else
  skip 'the reference parser reads the OpenMetrics' 'python3-prometheus-client is not there'
fi
if [ -n "${WHOLE:-}" ]; then
  if command -v prometheus >/dev/null && [ -n "$metricsPython" ]; then
    check 'Prometheus has each series with its value' scrape
  else
    skip 'Prometheus has each series' 'prometheus is not there'
  fi
fi
finish
