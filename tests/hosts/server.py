"""server.py SERVER - starts the example server, and asks it as clients do: good requests, greedy ones, all at once. Exits with 1 at the
first answer that is wrong."""
import http.client
import random
import re
import signal
import subprocess
import sys
import threading

LIMIT = 600  # seconds; ends a server that hangs


def check(condition, what):
    if not condition:
        print("wrong:", what)
        raise SystemExit(1)


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body)
        response = self.connection.getresponse()
        return response.status, response.read().decode(), response


def figure(client, name, pool):
    status, text, response = client.ask("GET", "/metrics")
    check(status == 200 and text.endswith("# EOF\n"), "metrics: " + text[-200:])
    check(response.getheader("Content-Type").startswith("application/openmetrics-text"), "content type")
    values = re.findall(r'^%s\{pool="%s",[^}]*\} (\d+)' % (name, pool), text, re.M)
    check(len(values) == 1, "%s of %s: %s" % (name, pool, values))
    return int(values[0])


def page(tenant, items):
    return "".join("item %d of %s\n" % (i, tenant) for i in range(1, items + 1))


def askAsTenant(port, tenant, rounds, wrong):
    """What a tenant who keeps to the budget sees, while another does not."""
    client = Client(port)
    for i in range(rounds):
        items = random.randint(1, 1000)
        lines = [str(random.randint(0, 999)) for _ in range(items)]
        if client.ask("GET", "/%s/page?items=%d" % (tenant, items))[:2] != (200, page(tenant, items)):
            wrong.append("page of %d items" % items)
        if client.ask("POST", "/%s/sort" % tenant, "\n".join(lines))[:2] != (200, "".join(x + "\n" for x in sorted(lines))):
            wrong.append("sort of %d lines" % items)


def oneRequest(port):
    client = Client(port)
    check(client.ask("GET", "/alice/page?items=3")[:2] == (200, page("alice", 3)), "a page")
    check(client.ask("POST", "/alice/sort", "b\na\nc\n")[:2] == (200, "a\nb\nc\n"), "sorted lines")
    check(client.ask("POST", "/alice/sort", "")[:2] == (200, "no lines\n"), "no lines")
    check(client.ask("GET", "/nobody/page")[0] == 404 and client.ask("GET", "/alice/else")[0] == 404, "unknown paths")
    status, text, response = client.ask("GET", "/alice/page?items=100000")
    check(status == 503 and "more memory" in text and response.getheader("Retry-After") == "1", "a greedy page: %d" % status)
    check(client.ask("POST", "/alice/sort", "x" * 1000000)[0] == 503, "a large body")
    check(client.ask("POST", "/alice/notes", "x" * 1000000)[0] == 503, "a large note")
    check(client.ask("GET", "/alice/notes")[:2] == (200, "0 notes\n"), "no part of it is kept")
    check(client.ask("GET", "/alice/page?items=3")[:2] == (200, page("alice", 3)), "the same connection goes on")
    check(figure(client, "mema_live_bytes", "alice") == 0, "what alice's requests left")


def greedyAndGood(port):
    """Greedy requests of alice, cut-off requests of alice, and good ones of bob, at once."""
    wrong = []  # a list, since a thread cannot end the program
    good = [threading.Thread(target=askAsTenant, args=(port, "bob", 40, wrong)) for _ in range(3)]
    for thread in good:
        thread.start()
    client = Client(port)
    greedy = 0
    while any(thread.is_alive() for thread in good) or greedy < 20:
        check(client.ask("GET", "/alice/page?items=50000")[0] == 503, "greedy page")
        cut = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        cut.request("POST", "/alice/sort", "never ends", {"Content-Length": "100000"})
        cut.close()
        greedy += 1
    check(not wrong, "bob noticed: %s" % wrong[:3])


def tenantsBudget(port):
    """Alice fills her budget with notes: her requests get 503, bob's do not, until she forgets the notes."""
    client = Client(port)
    notes = 0
    while client.ask("POST", "/alice/notes", "n" * 50000)[0] == 200:
        notes += 1
        check(notes < 100, "a budget of 2 MiB has no end")
    check(30 <= notes < 42, "%d notes" % notes)
    while client.ask("POST", "/alice/notes", "n" * 100)[0] == 200:
        pass
    check(client.ask("GET", "/alice/page?items=5000")[0] == 503, "alice has no room")
    check(figure(client, "mema_refused_requests_total", "alice") > 0, "refused requests of alice")
    check(figure(client, "mema_refused_requests_total", "bob") == 0, "refused requests of bob")
    check(client.ask("GET", "/bob/page?items=5000")[:2] == (200, page("bob", 5000)), "bob has room")
    freed = Client(port)
    status = freed.ask("DELETE", "/alice/notes")[0]
    check(status in (200, 503), "forgetting")
    check(status == 200 and client.ask("GET", "/alice/page?items=5000")[:2] == (200, page("alice", 5000)), "alice has room again")
    check(client.ask("GET", "/alice/notes")[:2] == (200, "0 notes\n"), "no notes")


def main():
    server = subprocess.Popen([sys.argv[1], "0", "alice=2M", "bob=2M"], stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LIMIT, server.kill)
    timer.start()
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        for part in (oneRequest, greedyAndGood, tenantsBudget):
            part(port)
        server.send_signal(signal.SIGTERM)
        check(server.wait() == 0, "the end of the server: %d" % server.returncode)
    finally:
        timer.cancel()
        server.kill()


main()
