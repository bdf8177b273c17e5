# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a configuration that changed is taken whole or not at all, and nothing that runs is disturbed by it."""
import http.client
import json
import os
import signal

from telemetry import eventually, intake, logs_request, post
from world import World, check, check_has, main, wait_for


class Agent:
    """The agent of `outrider run`, its configuration file and what it says of itself."""

    def __init__(self, w):
        self.w = w
        self.file = os.path.join(w.state, "agents/orders/outrider-agent.yaml")
        with open(self.file) as f:  # JSON, to which keys of their own lines are added
            self.text = f.read().rstrip().rstrip("}").rstrip()
        self.pid = w.endpoint("agents/orders")["pid"]

    def status(self):
        return self.w.agent_admin("/v1/status").json()

    def metric(self, name):
        for line in self.w.agent_admin("/metrics").body.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None

    def reload(self, extra):
        """Writes the configuration with that much more in it; its state once that has been read."""
        counts = [f'outrider_config_reloads_total{{result="{x}"}}' for x in ("reloaded", "refused")]
        before = sum(self.metric(x) for x in counts)
        with open(self.file + ".new", "w") as f:
            f.write(self.text + "".join(",\n" + line for line in extra.splitlines()) + "\n}\n")
        os.rename(self.file + ".new", self.file)
        os.kill(self.pid, signal.SIGHUP)
        wait_for("the reload", lambda: sum(self.metric(x) for x in counts) > before)
        return self.status()["config"]

    def descriptors(self):
        """What regular files, sockets to listen on and connections are open, by descriptor."""
        found = {}
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                found[fd] = os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except OSError:
                pass
        return found


def fd_of(descriptors, needle):
    found = [fd for fd, path in descriptors.items() if needle in path]
    check(len(found) == 1, f"{needle}: {descriptors}")
    return found[0]


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


def what_is_right_is_taken_and_nothing_is_disturbed():
    with World() as w:
        a_log, b_log = w.path("a.log"), w.path("b.log")
        w.up()
        w.run_orders()
        agent = Agent(w)
        check(agent.status()["config"]["state"] == "started" and agent.metric("outrider_config_valid") == 1, "at first")
        host, port = w.gate.split(":")
        gate = http.client.HTTPConnection(host, int(port), timeout=60)
        gate.request("GET", "/orders")
        check(gate.getresponse().read() is not None, "a connection that is kept")
        taker = http.client.HTTPConnection(intake(w).split("//")[1], timeout=60)
        taker.connect()
        append(a_log, "first line\n")
        state = agent.reload(f"capture.files: [{{path: {a_log}}}]\n")
        check(state["state"] == "reloaded" and "error" not in state, f"{state}")
        eventually(w, "logs", 'body="first line"', 1)
        before = agent.descriptors()
        append(b_log, "from the other\n")
        state = agent.reload(f"capture.files: [{{path: {a_log}}}, {{path: {b_log}}}]\n"
                             'capture.redact_patterns: [{name: bsn, regex: "BSN[0-9]+"}]\n')
        check(state["state"] == "reloaded", f"{state}")
        eventually(w, "logs", 'body="from the other"', 1)
        after = agent.descriptors()
        for what in (a_log, "/spool/lock", "/telemetry/lock"):
            check(fd_of(before, what) == fd_of(after, what), f"{what} was opened anew: {before} {after}")
        append(a_log, "second BSN123 line\n")
        eventually(w, "logs", 'body="second [redacted:bsn] line"', 1)
        sockets = {path for path in before.values() if path.startswith("socket:")}
        kept = sockets & set(after.values())
        gate.request("GET", "/orders")  # fails where the connection was closed: it is not opened anew
        check(gate.getresponse().status == 401, "the gate's connection goes on")
        taker.request("POST", "/v1/logs", json.dumps(logs_request("on the kept one")), {"Content-Type": "application/json"})
        check(taker.getresponse().status == 200, "the intake's connection goes on")
        check(len(kept) >= 4, f"listeners and connections are the same ones: {sockets} {after}")
        eventually(w, "logs", "body=first*", 1)  # and nothing was read twice
        w.cli("verify")


def what_is_wrong_changes_nothing():
    with World() as w:
        log = w.path("a.log")
        w.up()
        w.run_orders()
        agent = Agent(w)
        files = f"capture.files: [{{path: {log}}}]\n"
        check(agent.reload(files)["state"] == "reloaded", "it is right")
        line = agent.text.count("\n") + 3
        cases = [("capture.fils: []\n", "did you mean"), ("capture.quota: many\n", "capture.quota"),
                 ("capture.redact: [everything]\n", "everything"),
                 ('capture.scrape: [{url: "ftp://x"}]\n', "capture.scrape")]
        for text, needle in cases:
            state = agent.reload(files + text)
            check(state["state"] == "refused", f"{text}: {state}")
            check_has(state["error"], needle)
            check_has(state["error"], f"outrider-agent.yaml:{line}")
            check(agent.metric("outrider_config_valid") == 0, "and the metric says so")
        state = agent.reload(f"capture.files: [{{path: {log}, format: xml}}]\n")
        check_has(state["error"], f"outrider-agent.yaml:{line - 1}: capture.files: number 1: format")
        with open(os.path.join(w.state, "agents/orders/agent.log")) as f:
            check_has(f.read(), '"event":"config.refused"')
        doctor = w.cli("doctor", "--state", w.state, check_code=1)
        check_has(doctor.out, "the changed one is refused, the one before stays")
        append(log, "still read\n")
        eventually(w, "logs", 'body="still read"', 1)
        state = agent.reload(files + "spool.quota: 300MiB\nlog.level: debug\n")
        check(state["state"] == "reloaded" and state["needs_restart"] == "spool.quota", f"{state}")
        check(agent.metric("outrider_config_valid") == 1, "well again")
        check_has(w.cli("doctor", "--state", w.state, check_code=None).out, "taken at the next start: spool.quota")
        check(post(intake(w), "/v1/logs", logs_request("after it all"))[0] == 200, "and it serves")
        eventually(w, "logs", 'body="after it all"', 1)


if __name__ == "__main__":
    main(what_is_right_is_taken_and_nothing_is_disturbed, what_is_wrong_changes_nothing)
