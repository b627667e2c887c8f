"""openMetrics.py check FILE          - whether a file is OpenMetrics, and each series is there once
openMetrics.py serve FILE PORT-FILE   - serves the file for Prometheus, as an exporter would
openMetrics.py scraped FILE URL       - whether a Prometheus at this address has each series of the file, with its value. It has just
                                        been started, so it is asked until it does: 600 times at most, a minute or more

Prints "ok", or one line that says what is wrong. Exit status 3: there is no python3-prometheus-client."""

import http.server
import json
import math
import os
import sys
import time
import urllib.parse
import urllib.request

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    sys.exit(3)


def samplesOf(path):
    """The samples, and the families' names, as the reference parser reads them."""
    with open(path, encoding="utf-8", newline="") as file:
        families = list(text_string_to_metric_families(file.read()))
    assert families, "there is no metric"
    return families, [sample for family in families for sample in family.samples]


def check(path):
    families, samples = samplesOf(path)
    names = [family.name for family in families]
    assert len(set(names)) == len(names), "a family is there twice"
    for family in families:
        assert family.documentation, f"{family.name} has no HELP"
        assert family.type != "unknown", f"{family.name} has no TYPE"
        assert family.samples, f"{family.name} has no sample"
        assert family.name.endswith("_bytes") == (family.unit == "bytes"), f"{family.name} has the unit '{family.unit}'"
    with open(path, encoding="utf-8", newline="") as file:  # the parser passes over a series that is there twice
        series = [line.rpartition(" ")[0] for line in file.read().split("\n") if line and not line.startswith("#")]
    for one in series:
        assert series.count(one) == 1, f"a series is there twice: {one}"
    assert len(series) == len(samples), "the parser reads other series"
    values = {(sample.name, sample.labels["id"]): sample.value for sample in samples}
    pools = {sample.labels["id"] for sample in samples}
    inside = {"mema_sub_pool_bytes", "mema_reservation_bytes", "mema_footprint_bytes", "mema_outside_chunks", "mema_sub_pools"}
    exact = {sample.labels["id"]: sample.labels["exact"] for sample in samples if sample.name == "mema_pool_info"}
    assert set(exact.values()) == {"true", "false"}, "pools are of one kind"
    for pool in pools:
        own = {sample.name for sample in samples if sample.labels["id"] == pool}
        wanted = len(families) if exact[pool] == "true" else len(families) - len(inside)
        assert len(own) == wanted and (exact[pool] == "true" or not own & inside), "a pool lacks a series, or has one too many"
    for pool in pools:
        assert values["mema_budget_bytes", pool] == math.inf or (
            values["mema_budget_bytes", pool] == values["mema_free_bytes", pool] + values["mema_live_bytes", pool]
        ), "budget == free + live"


def serve(path, portFile):
    class Exporter(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with open(path, "rb") as file:
                body = file.read()
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Exporter)
    with open(portFile + ".new", "w", encoding="ascii") as file:
        file.write(str(server.server_port))
    os.rename(portFile + ".new", portFile)
    server.serve_forever()


def scraped(path, url):
    for _ in range(600):
        try:
            hasScraped(path, url)
            return
        except (AssertionError, OSError) as reason:
            last = reason
        time.sleep(0.1)
    raise AssertionError(last)


def hasScraped(path, url):
    _, samples = samplesOf(path)
    with urllib.request.urlopen(f"{url}/api/v1/query?" + urllib.parse.urlencode({"query": '{__name__=~"mema_.*"}'})) as answer:
        result = json.load(answer)["data"]["result"]
    own = ("__name__", "instance", "job")
    found = {
        (one["metric"]["__name__"], tuple(sorted((k, v) for k, v in one["metric"].items() if k not in own))): float(one["value"][1])
        for one in result
    }
    for sample in samples:  # Prometheus drops labels that are empty
        key = sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if v != ""))
        assert key in found, f"Prometheus lacks {key}"
        assert found[key] == sample.value, f"Prometheus has {found[key]} for {key}, not {sample.value}"
    assert len(found) == len(samples), f"Prometheus has {len(found)} series, the file {len(samples)}"


try:
    {"check": check, "serve": serve, "scraped": scraped}[sys.argv[1]](*sys.argv[2:])
    print("ok")
except (AssertionError, ValueError, KeyError) as reason:
    print(f"{type(reason).__name__}: {reason}")
    sys.exit(1)
