# SPDX-License-Identifier: Apache-2.0
"""Metrics that are fetched: a real exporter of Debian's, one that plays tricks, and wrong settings."""
import http.server
import json
import re
import subprocess
import threading
import urllib.request

from debian import program
from ports import free_port
from telemetry import rows
from world import World, check, check_has, main, wait_for

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Exporter:
    """Answers what self.answer holds: (status, content type, text)."""

    def __init__(self, text, kind=OPEN):
        self.answer, self.seen = (200, kind, text), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.seen.append((self.path, dict(self.headers)))
                status, kind, text = outer.answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()


def targets(*items):
    return {"OUTRIDER_CAPTURE_SCRAPE": json.dumps([{"interval": "200ms", **t} for t in items])}


def latest(w, query):
    """The latest row; a scrape a moment brings more and more."""
    return wait_for(query, lambda: rows(w, "metrics", query + " limit=1"))[0]


def state_of(w, i=0):
    return w.agent_admin("/v1/status").json()["telemetry"]["scrape"][i]


def what_an_exporter_says_is_found():
    text = ("# TYPE orders counter\n# HELP orders Orders taken.\n"
            'orders_total{channel="web"} 7\norders_total{channel="store"} 2\n'
            "# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n"
            'wait_seconds_bucket{le="0.1"} 3\nwait_seconds_bucket{le="+Inf"} 4\n'
            "wait_seconds_count 4\nwait_seconds_sum 1.5\n"
            '# TYPE queue gaugehistogram\nqueue_bucket{le="+Inf"} 2\n# EOF\n')
    with Exporter(text) as exporter, World() as w:
        w.env = targets({"url": f"http://{exporter.address}/m?x=1", "job": "shop",
                         "labels": {"team": "sales"},
                         "metric_relabel_configs": [
                             {"source_labels": ["channel"], "regex": "store", "action": "drop"}]})
        w.up()
        w.run_orders()
        found = latest(w, "name=orders service=shop")
        check(found["value"] == 7 and found["type"] == "sum" and
              found["attributes"] == {"channel": "web"}, f"{found}")
        check(not rows(w, "metrics", "name=orders service=shop attributes.channel=store"),
              "it was dropped")
        wait = latest(w, "name=wait_seconds type=histogram")
        check(wait["count"] == 4 and wait["sum"] == 1.5 and wait["unit"] == "seconds", f"{wait}")
        up = latest(w, "name=up service=shop")
        check(up["value"] == 1, f"{up}")
        check(re.search("outrider_scraper_unmapped_samples_total [1-9]", w.agent_admin("/metrics").body),
              "what has no place is counted")
        path, headers = exporter.seen[0]
        check(path == "/m?x=1" and "openmetrics-text" in headers["Accept"], f"{path} {headers}")
        check(state_of(w)["state"] == "up" and state_of(w)["samples"] == 7, f"{state_of(w)}")
        check_has(w.cli("doctor", check_code=None).out, f"http://{exporter.address}/m?x=1 up, 7 samples")


def what_is_wrong_is_said_and_mends():
    with Exporter("a 1\n") as exporter, World() as w:  # no # EOF: cut
        w.env = targets({"url": f"http://{exporter.address}"})
        w.up()
        w.run_orders()
        wait_for("the cut text to be seen", lambda: state_of(w)["state"] == "down")
        check_has(state_of(w)["error"], "without # EOF")
        check_has(w.cli("doctor", check_code=None).out, "without # EOF")
        exporter.answer = (500, "text/plain", "broken")
        wait_for("the status to be said", lambda: "it answered 500" in state_of(w)["error"])
        check(latest(w, "name=up")["value"] == 0, "it is down")
        exporter.answer = (200, "text/plain; version=0.0.4", "a 1\n")
        wait_for("it to work", lambda: state_of(w)["state"] == "up")
        latest(w, "name=a value=1")
        exporter.answer = (200, "text/plain", "b 1\n")
        latest(w, "name=b value=1")
        rows_of_a = wait_for("a to be stale", lambda: [
            r for r in rows(w, "metrics", "name=a limit=1") if r.get("value") is None])
        check(rows_of_a[0]["type"] == "gauge", f"{rows_of_a}")


def wrong_settings_are_refused():
    cases = [({"url": "https://127.0.0.1:1"}, "only http://"), ({"job": "x"}, "expected http://"),
             ({"url": "http://127.0.0.1:1", "intervall": "1s"}, 'did you mean "interval"'),
             ({"url": "http://127.0.0.1:1", "timeout": "1m"}, "longer than the interval"),
             ({"url": "http://127.0.0.1:1", "metric_relabel_configs": [{"action": "explode"}]},
              "there is no 'explode'")]
    with World() as w:
        w.up()
        for target, needle in cases:
            w.env = targets(target)
            run = w.run_orders(wait=False)
            check(run.wait(60) != 0, f"{target} was taken")
            with open(w.path("run.log")) as f:
                text = f.read()
            check_has(text, needle)
            check_has(text, "capture.scrape[0]")


def a_real_exporter_is_read_whole():
    path = program("prometheus-node-exporter", "prometheus-node-exporter")
    if not path:
        print("skipped: Debian's prometheus-node-exporter cannot be had here")
        return
    port = free_port()
    server = subprocess.Popen([path, f"--web.listen-address=127.0.0.1:{port}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        with World() as w:
            w.env = targets({"url": f"http://127.0.0.1:{port}/metrics", "job": "node"})
            w.up()
            w.run_orders()
            wait_for("it to be up", lambda: state_of(w)["state"] == "up")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as r:
                lines = [x for x in r.read().decode().splitlines() if x and x[0] != "#"]
            check(abs(state_of(w)["samples"] - len(lines)) <= len(lines) // 50,
                  f"{state_of(w)} of {len(lines)}")
            boot = next(float(x.split()[1]) for x in lines if x.startswith("node_boot_time_seconds"))
            row = latest(w, "name=node_boot_time_seconds service=node")
            check(row["value"] == boot, f"{row} {boot}")
            row = latest(w, "name=go_gc_duration_seconds")
            check(row["type"] == "summary", f"{row}")
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main(what_an_exporter_says_is_found, what_is_wrong_is_said_and_mends,
         wrong_settings_are_refused, a_real_exporter_is_read_whole)
