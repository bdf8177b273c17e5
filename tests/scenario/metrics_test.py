# SPDX-License-Identifier: Apache-2.0
"""/metrics of agent and collector: promtool's check finds nothing to say, and a real Prometheus
scrapes what happened."""
import json
import subprocess
import urllib.parse
import urllib.request

from debian import program
from ports import free_port
from world import World, check, main, wait_for


def promtool(text):
    path = program("prometheus", "promtool")
    if not path:
        print("skipped: Debian's package prometheus cannot be had here")
        return None
    return subprocess.run([path, "check", "metrics"], input=text, text=True, capture_output=True,
                          timeout=60)


def texts(w):
    """What agent and collector answer, by name."""
    urls = {"agent": w.endpoint("agents/orders")["admin"], "collector": w.endpoint("collector")["url"]}
    return {name: urllib.request.urlopen(url + "/metrics", timeout=10).read().decode()
            for name, url in urls.items()}


def traffic(w):
    token = w.token("alice", clearance=2)
    for _ in range(3):
        check(w.get("/orders?limit=1", token).status == 200, "allowed")
    check(w.get("/orders", w.token("bob", clearance=1)).status == 403, "denied")
    w.shipped()


def promtool_finds_nothing(kafka=None):
    with World(kafka=kafka) as w:
        w.up()
        w.run_orders()
        traffic(w)
        for name, text in texts(w).items():
            said = promtool(text)
            if not said:
                return
            check(said.returncode == 0 and not said.stdout and not said.stderr, f"{name}: {said}")
            wrong = promtool(text + "outrider_gate_requests_total{result=} 1\n")
            check(wrong.returncode != 0, f"promtool takes anything: {wrong}")


def prometheus_scrapes_what_happened():
    path = program("prometheus", "prometheus")
    if not path:
        print("skipped: Debian's package prometheus cannot be had here")
        return
    with World() as w:
        w.up()
        w.run_orders()
        traffic(w)
        targets = [w.endpoint("agents/orders")["admin"].split("//")[1],
                   w.endpoint("collector")["url"].split("//")[1]]
        with open(w.path("prometheus.yml"), "w") as f:
            json.dump({"scrape_configs": [{"job_name": "outrider", "scrape_interval": "200ms",
                                           "static_configs": [{"targets": targets}]}]}, f)
        port = free_port()
        with open(w.path("prometheus.log"), "w") as log:
            server = subprocess.Popen(
                [path, "--config.file", w.path("prometheus.yml"), "--storage.tsdb.path",
                 w.path("tsdb"), f"--web.listen-address=127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            def ask(query):
                url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode(
                    {"query": query})
                try:
                    with urllib.request.urlopen(url, timeout=10) as r:
                        return [float(s["value"][1]) for s in json.load(r)["data"]["result"]]
                except OSError:
                    return []
            wait_for("both to be scraped", lambda: ask("up") == [1, 1])
            wait_for("the requests", lambda: ask(
                'outrider_gate_requests_total{result="allowed"}') == [3])
            check(ask('outrider_gate_requests_total{result="denied"}') == [1], "one denied")
            check(ask("sum(outrider_collector_records_total)")[0] >= 7, "the collector's records")
            check(ask("histogram_quantile(0.99, outrider_gate_seconds_bucket)")[0] > 0, "latency")
        finally:
            server.terminate()
            server.wait(30)
        with open(w.path("prometheus.log")) as f:
            check("Server is ready" in f.read(), "Prometheus ran")


if __name__ == "__main__":
    main(promtool_finds_nothing, prometheus_scrapes_what_happened)
