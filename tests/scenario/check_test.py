# SPDX-License-Identifier: Apache-2.0
"""`outrider-agent check` and `print-config`: what would not work is said before an agent is started, and where
every value comes from."""
import http.server
import json
import os
import subprocess
import threading

import lone_agent
from ports import free_port
from world import BIN, World, check, check_has, main

POLICY = 'permit (principal, action, resource);'


def agent(*args, env=None):
    p = subprocess.run([os.path.join(BIN, "outrider-agent"), *args], text=True, capture_output=True, timeout=120,
                       env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout, p.stderr


def checked(w, *args, code=0, env=None):
    """The lines of check, by what they are about."""
    result = agent("check", "--json", "--config", w.path("outrider-agent.yaml"), *args, env=env)
    check(result[0] == code, f"expected exit {code}: {result}")
    lines = [json.loads(line) for line in result[1].splitlines()]
    return {line["check"]: (line["verdict"], line["detail"]) for line in lines}


class Collector(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def what_is_well_is_said():
    with World() as w:
        lone_agent.start(w, POLICY, [])
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = checked(w, f"--collector.url=http://127.0.0.1:{server.server_port}")
        server.shutdown()
        for what in ("configuration", "product", "state", "disk", "bundle", "workload", "collector", "gate.listen"):
            check(found[what][0] == "ok", f"{what}: {found}")
        check_has(found["state"][1], "an agent runs with it")
        check_has(found["bundle"][1], "revision 1")
        # its own ports are in use by the agent that runs here
        found = checked(w, f"--gate.listen={w.gate}", "--offline")
        check(found["gate.listen"][0] == "ok" and "workload" not in found, f"{found}")
        text = agent("check", "--offline", "--config", w.path("outrider-agent.yaml"))
        check_has(text[1], "ok    product                orders (")
        check_has(text[1], " that fail\n")


def what_would_fail_is_said():
    with World() as w:
        lone_agent.start(w, POLICY, [])
        closed = free_port()
        secret = w.path("password")
        with open(secret, "w") as f:
            f.write("hunter2\n")
        os.chmod(secret, 0o644)
        cases = [
            ("collector", "fail", "until it answers", [f"--collector.url=http://127.0.0.1:{closed}"]),
            ("kafka", "fail", "until a broker answers", [f"--kafka.brokers=127.0.0.1:{closed},localhost:{closed}"]),
            ("kafka", "fail", "user name", ["--kafka.brokers=127.0.0.1:1", "--kafka.security=sasl_ssl"]),
            ("kafka password", "warn", "chmod 600", [f"--kafka.password-file={secret}"]),
            ("kafka password", "fail", "No such file", ["--kafka.password-file=/nowhere/p"]),
            ("workload", "warn", "502", [f"--gate.upstream=127.0.0.1:{closed}"]),
            ("bundle", "fail", "everything is denied", ["--bundle.file=/nowhere/b"]),
            ("bundle keys", "fail", "/nowhere/k", ["--bundle.keys=/nowhere/k"]),
            ("product", "fail", "/nowhere/p.yaml", ["--product=/nowhere/p.yaml"]),
            ("issuers", "fail", "/nowhere/j", ['--issuers=[{"issuer":"https://x","jwks":"/nowhere/j"}]']),
            ("gate certificate", "fail", "nowhere.pem",
             [f"--gate.cert-file={w.path('nowhere.pem')}", f"--gate.key-file={w.path('nowhere.key')}"]),
            ("capture.files", "fail", "plain, cri or docker", ['--capture.files=[{"path":"/x","format":"y"}]']),
            ("capture.scrape", "fail", "", ['--capture.scrape=[{"url":"ftp://x"}]']),
            ("capture.redact", "fail", "nothing-like-it", ["--capture.redact=nothing-like-it"]),
            ("decide.listen", "fail", "loopback", ["--decide.listen=0.0.0.0:0"]),
            ("disk", "warn", "make room", ["--capture.quota=1024GiB"]),
            ("configuration", "fail", "did you mean", ["--config", bad_config(w)]),
        ]
        for what, verdict, needle, args in cases:
            code = 1 if verdict == "fail" else 0
            found = checked(w, *(args if what in ("collector", "kafka", "workload") else [*args, "--offline"]), code=code)
            check(found[what][0] == verdict and needle in found[what][1], f"{what} {args}: {found}")
        # somebody else's port, and nobody who runs here
        found = checked(w, f"--gate.listen={w.gate}", f"--state={w.path('other')}", "--offline", code=1)
        check(found["gate.listen"][0] == "fail" and "choose another" in found["gate.listen"][1], f"{found}")
        check(not os.path.exists(w.path("other")), "checking makes no directory")
        check(agent("check", "--nothing-like-it")[0] == 2, "a wrong flag is wrong usage")
        check(agent("check", "word")[0] == 2, "a word is wrong usage")
        check(agent("check", "--help")[0] == 0, "help")


def bad_config(w):
    with open(w.path("outrider-agent.yaml")) as f:
        text = f.read()
    path = w.path("bad.yaml")
    with open(path, "w") as f:
        f.write(text + "spool: {quotta: 1GiB}\n")
    return path


def every_value_has_an_origin():
    with World() as w:
        lone_agent.start(w, POLICY, [])
        config = w.path("outrider-agent.yaml")
        args = ["print-config", "--redacted", "--config", config, "--spool.quota", "1GiB",
                '--issuers=[{"issuer":"https://x","jwks":"http://ana:hunter2@127.0.0.1:1/keys"}]']
        env = {"OUTRIDER_LOG_LEVEL": "warn"}
        code, out, err = agent(*args, "--json", env=env)
        check(code == 0, f"{out}{err}")
        rows = {row["key"]: row for row in map(json.loads, out.splitlines())}
        check(rows["spool.quota"] == {"key": "spool.quota", "value": "1GiB", "from": "--spool.quota"}, f"{rows}")
        check(rows["log.level"]["from"] == "OUTRIDER_LOG_LEVEL" and rows["log.level"]["value"] == "warn", f"{rows}")
        check(rows["spool.sync"]["from"] == "default" and rows["spool.sync"]["value"] == "50ms", f"{rows}")
        check(rows["state"]["from"] == f"{config}:3" and rows["state"]["value"] == w.path("agent"), f"{rows}")
        check("hunter2" not in out and "[redacted]@127.0.0.1" in out, out)
        # what is shown is a configuration, and the same one
        code, text, err = agent(*args, env=env)
        again = w.path("again.yaml")
        with open(again, "w") as f:
            f.write(text)
        code, out, err = agent("print-config", "--json", "--config", again)
        check(code == 0, f"{out}{err}")
        for row in map(json.loads, out.splitlines()):
            check(row["value"] == rows[row["key"]]["value"], f"{row} {rows[row['key']]}")


if __name__ == "__main__":
    main(what_is_well_is_said, what_would_fail_is_said, every_value_has_an_origin)
