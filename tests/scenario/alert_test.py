# SPDX-License-Identifier: Apache-2.0
"""Alerts, from denied reads to a webhook receiver: what it is sent, once, whatever happens between."""
import http.server
import json
import os
import signal
import sqlite3
import ssl
import subprocess
import threading
import urllib.parse

from world import BIN, ISSUER, ROOT, World, check, check_has, main, wait_for

RULES = """
route: {{group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers:
  - name: on-call
    webhook_configs: [{{url: 'http://127.0.0.1:{port}/hook', timeout: 1s}}]
rules:
  - name: DeniedReads
    expr: {expr}
    by: [principal.id]
    threshold: 5
    window: 10m
    resolve_after: {resolve}
    labels: {{severity: warning}}
    annotations:
      summary: "{{{{principal_id}}}} was denied {{{{threshold}}}} reads within {{{{window}}}}"
"""
EXPR = "decision=deny action=read"


class Receiver:
    """A webhook receiver; plan says how it behaves to each POST: a status, or "hang"; then 200."""

    def __init__(self, *plan):
        self.plan, self.posts, self.lock = list(plan), [], threading.Lock()
        self.release = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    act = outer.plan.pop(0) if outer.plan else 200
                    outer.posts.append((act, self.path, dict(self.headers), json.loads(body)))
                if act == "hang":
                    outer.release.wait(60)
                    return
                self.send_response(act)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"well\n")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def acts(self):
        with self.lock:
            return [(act, body["status"]) for act, _, _, body in self.posts]

    def wait(self, n):
        wait_for(f"{n} notices, has {self.acts()}", lambda: len(self.acts()) >= n)
        return self.posts[n - 1][3]


def write_rules(w, receiver, expr=EXPR, resolve="4s"):
    path = w.path("alerts.yaml")
    with open(path + ".new", "w") as f:
        f.write(RULES.format(port=receiver.port, expr=expr, resolve=resolve))
    os.rename(path + ".new", path)
    return path


def deny(w, who="bob", n=5):
    """n reads that policy denies."""
    token = w.token(who, clearance=1)
    for _ in range(n):
        check(w.get("/orders", token).status == 403, f"{who} was not denied")
    w.shipped()


def start(w, receiver, **rules):
    w.rules = write_rules(w, receiver, **rules)
    w.up("--alerts", w.rules)
    w.run_orders()


def kill_collector(w):
    pid = w.endpoint("collector")["pid"]
    w.kill(pid)
    wait_for("the collector to be gone", lambda: not os.path.exists(f"/proc/{pid}/root"))


def fingerprint(labels):
    """As Prometheus and Alertmanager compute it."""
    total = 14695981039346656037
    for name in sorted(labels):
        for c in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            total = ((total ^ c) * 1099511628211) % 2**64
    return f"{total:016x}"


def check_payload(body, status):
    """Every field of Alertmanager's webhook, version 4."""
    labels = {"alertname": "DeniedReads", "principal_id": f"{ISSUER}#bob", "severity": "warning"}
    summary = {"summary": f"{ISSUER}#bob was denied 5 reads within 10m"}
    check(set(body) == {"version", "groupKey", "truncatedAlerts", "status", "receiver",
                        "groupLabels", "commonLabels", "commonAnnotations", "externalURL",
                        "alerts"}, body)
    check(body["version"] == "4" and body["truncatedAlerts"] == 0, body)
    check(body["groupKey"] == '{}:{alertname="DeniedReads"}', body)
    check(body["status"] == status and body["receiver"] == "on-call", body)
    check(body["groupLabels"] == {"alertname": "DeniedReads"}, body)
    check(body["commonLabels"] == labels and body["commonAnnotations"] == summary, body)
    check(len(body["alerts"]) == 1, body)
    alert = body["alerts"][0]
    check(set(alert) == {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL",
                         "fingerprint"}, alert)
    check(alert["status"] == status and alert["labels"] == labels, alert)
    check(alert["annotations"] == summary, alert)
    check(alert["fingerprint"] == fingerprint(labels), alert)
    ended = not alert["endsAt"].startswith("0001-01-01T00:00:00Z")
    check(ended == (status == "resolved"), alert)
    check(alert["startsAt"] < alert["endsAt"] or not ended, alert)
    check(alert["generatorURL"].startswith(body["externalURL"] + "/v1/audit?q="), alert)


def five_denied_reads_are_told_and_resolve():
    with Receiver() as r, World() as w:
        start(w, r)
        deny(w, n=4)
        check(w.cli("alerts").code == 0 and not r.posts, "four are not enough")
        deny(w, n=1)
        firing = r.wait(1)
        check_payload(firing, "firing")
        _, path, headers, _ = r.posts[0]
        check(path == "/hook" and headers["Content-Type"] == "application/json", headers)

        # The link finds the records behind it.
        query = urllib.parse.parse_qs(urllib.parse.urlparse(
            firing["alerts"][0]["generatorURL"]).query)["q"][0]
        check(len(w.audit(query)) == 5, query)

        resolved = r.wait(2)
        check_payload(resolved, "resolved")
        check(resolved["alerts"][0]["startsAt"] == firing["alerts"][0]["startsAt"], resolved)

        # What people see, and what is on record.
        wait_for("nothing to fire", lambda: w.cli("alerts", check_code=None).code == 0)
        shown = json.loads(w.cli("alerts", "--all", "--json").out)
        check(shown["state"] == "resolved", shown)
        check(shown["fingerprint"] == firing["alerts"][0]["fingerprint"], shown)
        table = w.cli("alerts", "--all").out
        for word in ("STATE", "resolved", "DeniedReads", f"principal_id={ISSUER}#bob", "0 firing"):
            check_has(table, word)
        rows = wait_for("both records", lambda: has_n(w.audit("kind=admin action=alert"), 2))
        check(sorted(x["record"]["reason"] for x in rows) == ["firing", "resolved"], rows)
        check(all(x["record"]["front"] == "collector" for x in rows), rows)
        one = w.audit(f'reason=firing attributes.label.principal_id="{ISSUER}#bob"')
        check(len(one) == 1 and one[0]["record"]["resource.id"] == "DeniedReads", one)
        check_has(w.cli("verify").out, "complete and unchanged")
        check(r.acts() == [(200, "firing"), (200, "resolved")], r.acts())


def has_n(rows, n):
    check(len(rows) <= n, rows)
    return rows if len(rows) == n else None


def a_restart_tells_nothing_twice():
    with Receiver() as r, World() as w:
        start(w, r)
        deny(w)
        r.wait(1)
        wait_for("the record", lambda: has_n(w.audit("action=alert"), 1))
        kill_collector(w)
        w.up("--alerts", w.rules)
        check(w.cli("alerts", check_code=1).out.startswith("STATE"), "it still fires")
        deny(w, n=3)  # together with those before the crash more than enough
        r.wait(2)
        check(r.acts() == [(200, "firing"), (200, "resolved")], r.acts())
        rows = wait_for("both records", lambda: has_n(w.audit("action=alert"), 2))
        check(sorted(x["record"]["reason"] for x in rows) == ["firing", "resolved"], rows)


def what_was_counted_before_a_crash_counts_after_it():
    with Receiver() as r, World() as w:
        start(w, r)
        deny(w, n=3)
        kill_collector(w)
        w.up("--alerts", w.rules)
        deny(w, n=1)
        check(not r.posts, r.acts())
        deny(w, n=1)
        check_payload(r.wait(1), "firing")


def a_failing_receiver_gets_it_once():
    with Receiver(500, "hang", 200) as r, World() as w:
        start(w, r, resolve="60s")
        deny(w)
        r.wait(3)
        ids = {headers["Idempotency-Key"] for _, _, headers, _ in r.posts}
        check(r.acts() == [(500, "firing"), ("hang", "firing"), (200, "firing")], r.acts())
        check(len(ids) == 1 and len({json.dumps(p[3]) for p in r.posts}) == 1, ids)
        told = wait_for("it to be told", lambda: all(
            n["state"] == "told" for n in alerts_of(w)["notices"]))
        check(told and len(r.posts) == 3, r.acts())


def alerts_of(w):
    """GET /v1/alerts."""
    with open(os.path.join(w.state, "collector/admin.token")) as f:
        token = f.read().strip()
    out = subprocess.run(["curl", "-sS", "-H", f"Authorization: Bearer {token}",
                          w.endpoint("collector")["url"] + "/v1/alerts"], check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out)


def a_crash_while_the_receiver_hangs_loses_nothing():
    with Receiver("hang") as r, World() as w:
        start(w, r, resolve="60s")
        deny(w)
        r.wait(1)
        kill_collector(w)
        w.up("--alerts", w.rules)
        r.wait(2)
        keys = [headers["Idempotency-Key"] for _, _, headers, _ in r.posts]
        check(keys[0] == keys[1], keys)
        check(r.acts() == [("hang", "firing"), (200, "firing")], r.acts())
        wait_for("the record", lambda: has_n(w.audit("action=alert"), 1))


def a_locked_database_delays_no_notice():
    with Receiver() as r, World() as w:
        start(w, r, resolve="60s")
        other = sqlite3.connect(os.path.join(w.state, "collector/alert.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        deny(w)
        check_payload(r.wait(1), "firing")  # better twice than not at all
        with open(os.path.join(w.state, "collector/collector.log")) as f:
            check_has(f.read(), '"event":"alert.unstored"')
        check(not w.audit("action=alert"), "on record before it was stored")
        other.execute("ROLLBACK")
        wait_for("the record", lambda: has_n(w.audit("action=alert"), 1))
        # It was stored in the end: a restart tells nothing again.
        wait_for("it to be stored", lambda: other.execute(
            "SELECT count(*) FROM notice WHERE told AND id = ''").fetchone()[0] == 1)
        other.close()
        kill_collector(w)
        w.up("--alerts", w.rules)
        check(alerts_of(w)["notices"][0]["state"] == "told", alerts_of(w))
        check(r.acts() == [(200, "firing")], r.acts())


def over_https_with_a_name():
    """By name, over TLS, against roots of one's own; a receiver that proves another name is not told,
    and the URL's path, which is a secret with most chats, is in no log."""
    tls = os.path.join(ROOT, "tests/support/tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{tls}/server.pem", f"{tls}/server.key")
    with Receiver() as receiver, World() as w:
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        w.env = {"OUTRIDER_ALERT_CA_FILE": f"{tls}/other.pem"}
        w.rules = write_rules(w, receiver)
        with open(w.rules) as f:
            text = f.read()
        with open(w.rules, "w") as f:
            f.write(text.replace(f"http://127.0.0.1:{receiver.port}/hook",
                                 f"https://localhost:{receiver.port}/hook/s3cr3t"))
        w.up("--alerts", w.rules)
        w.run_orders()
        deny(w)
        told = wait_for("the wrong root to be said", lambda: (
            lambda out: out if "does not hold" in out else None)(
                w.cli("alerts", "--all", check_code=None).out))
        check_has(told, f"https://localhost:{receiver.port}")
        check(not receiver.acts(), "nobody was told who could not prove its name")
        w.cli("down")
        w.env = {"OUTRIDER_ALERT_CA_FILE": f"{tls}/ca.pem"}
        w.up("--alerts", w.rules)
        body = receiver.wait(1)
        check(body["status"] == "firing" and receiver.posts[0][1] == "/hook/s3cr3t", f"{body}")
        for name in ("collector/collector.log",):
            with open(os.path.join(w.state, name)) as f:
                check("s3cr3t" not in f.read(), f"the path is in {name}")
        check("s3cr3t" not in told, told)


def a_refusal_is_shown_and_not_repeated():
    with Receiver(400) as r, World() as w:
        start(w, r, resolve="4s")
        deny(w)
        wait_for("the refusal to be shown", lambda: "refused a notice" in
                 w.cli("alerts", check_code=None).out)
        shown = w.cli("alerts", check_code=1).out
        check_has(shown, "answered 400: well")
        r.wait(2)  # the next notice is tried all the same
        check(r.acts() == [(400, "firing"), (200, "resolved")], r.acts())
        with open(os.path.join(w.state, "collector/collector.log")) as f:
            check_has(f.read(), '"event":"alert.refused"')


def a_rule_that_does_not_parse():
    with Receiver() as r, World() as w:
        # At the start: said on the terminal, and nothing runs.
        bad = write_rules(w, r, expr="decision=denied action=read")
        p = subprocess.run([os.path.join(BIN, "outrider-collector"), "--state", w.path("x"),
                            "--listen", "127.0.0.1:0", "--alert.rules", bad], cwd=ROOT,
                           capture_output=True, text=True, timeout=60)
        check(p.returncode == 2 and "alerts.yaml:8: expr: " in p.stderr, p)
        check_has(p.stderr, 'did you mean "deny"?')
        check_has(p.stderr, "\n  decision=denied action=read\n           ^")
        check(not os.path.exists(w.path("x")), "a state was made")
        failed = w.cli("up", "--listen", "127.0.0.1:0", "--alerts", bad, check_code=None)
        check(failed.code != 0 and 'did you mean "deny"?' in failed.err, failed)

        # On reload: said, and the rules before it stay.
        start(w, r)
        write_rules(w, r, expr="decision=denied action=read")
        wait_for("the refusal", lambda: "the rule file is wrong" in w.cli("alerts").out)
        check_has(w.cli("alerts").out, 'did you mean "deny"?')
        deny(w)
        check_payload(r.wait(1), "firing")
        write_rules(w, r)
        wait_for("the file to be right again", lambda: "wrong" not in
                 w.cli("alerts", check_code=None).out)
        log = os.path.join(w.state, "collector/collector.log")
        before = open(log).read().count('"event":"alert.rules"')
        os.kill(w.endpoint("collector")["pid"], signal.SIGHUP)
        wait_for("SIGHUP to be heard", lambda: open(log).read().count(
            '"event":"alert.rules"') > before)
        r.wait(2)
        check(r.acts() == [(200, "firing"), (200, "resolved")], r.acts())


def a_rule_that_goes_resolves_its_alerts():
    with Receiver() as r, World() as w:
        start(w, r, resolve="60s")
        deny(w)
        r.wait(1)
        write_rules(w, r, expr="kind=gap", resolve="60s")
        check(r.wait(2)["status"] == "resolved", r.acts())


if __name__ == "__main__":
    main(five_denied_reads_are_told_and_resolve, a_restart_tells_nothing_twice,
         what_was_counted_before_a_crash_counts_after_it, a_failing_receiver_gets_it_once,
         a_crash_while_the_receiver_hangs_loses_nothing,
         a_locked_database_delays_no_notice, a_refusal_is_shown_and_not_repeated,
         over_https_with_a_name, a_rule_that_does_not_parse, a_rule_that_goes_resolves_its_alerts)
