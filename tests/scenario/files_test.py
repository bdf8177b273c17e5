# SPDX-License-Identifier: Apache-2.0
"""Log files, through rotation both ways, while the agent is killed: each line is stored once."""
import json
import os
import random
import threading

from telemetry import delivered, eventually, rows
from telemetry_crash_slow_test import kill_one
from world import World, check, check_has, main, wait_for

LINES = 8000  # one query gives 10,000 rows at most
KILLS = 5


class Writer(threading.Thread):
    """Writes numbered lines; now and then the file is renamed and made anew, as logrotate does."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.pause = threading.Event()
        self.rotations = self.written = 0

    def run(self):
        f = open(self.path, "a")
        for i in range(1, LINES + 1):
            f.write(f"number {i} {'x' * (i % 200)}\n")
            self.written = i
            if i % 50 == 0:
                f.flush()
                self.pause.wait(0.05)
            if i % 1500 == 0:
                f.flush()
                self.pause.wait(1)  # for what is younger than that no log rotation exists
                os.rename(self.path, f"{self.path}.{self.rotations}")
                self.rotations += 1
                f.write(f"late {self.rotations}\n")
                f.close()
                f = open(self.path, "a")
        f.close()


def configured(w, *files):
    w.env = {**w.env, "OUTRIDER_CAPTURE_FILES": json.dumps(list(files))}


def each_line_is_stored_once():
    with World() as w:
        configured(w, {"path": w.path("logs", "*.log")})
        os.mkdir(w.path("logs"))
        w.up()
        w.run_orders()
        writer = Writer(w.path("logs", "app.log"))
        writer.start()
        rng = random.Random(7)
        for _ in range(KILLS):
            before = writer.written
            wait_for("lines", lambda: writer.written > before + 300)
            writer.pause.wait(rng.uniform(0, 0.2))  # a random moment, not a wait for something
            kill_one(w, "agent")
        writer.join()
        found = wait_for("all lines", lambda: all_rows(w))
        numbers = sorted(int(r["body"].split()[1]) for r in found)
        check(numbers == list(range(1, LINES + 1)), f"{len(numbers)} lines, {len(set(numbers))} of "
              f"them different, of {LINES}")
        check(all(r["service"] == "orders" for r in found), f"{found[0]}")
        late = eventually(w, "logs", "body=late* limit=100", writer.rotations)
        check(len({r["body"] for r in late}) == writer.rotations, f"{late}")


def all_rows(w):
    delivered(w)
    found = rows(w, "logs", "body=number* limit=10000")
    return found if len(found) >= LINES else None


def a_pod_is_read_as_kubernetes_writes_it():
    with World() as w:
        configured(w, {"path": w.path("pods", "*", "*.log"), "format": "cri"})
        w.up()
        w.run_orders()
        os.makedirs(w.path("pods", "orders"))
        with open(w.path("pods", "orders", "0.log"), "w") as f:
            f.write("2026-11-24T11:00:00Z stdout P a long \n"
                    "2026-11-24T11:00:01Z stderr F trouble: mail me at someone@example.org\n"
                    "2026-11-24T11:00:02Z stdout F line\n")
        found = eventually(w, "logs", "iostream=stdout body=*long*", 1)
        check(found[0]["body"] == "a long line" and found[0]["time"].startswith(
            "2026-11-24T11:00:02"), f"{found}")
        found = eventually(w, "logs", "body=trouble*", 1)
        check_has(found[0]["body"], "[redacted:mail]")


def a_stack_trace_is_one_record():
    trace = ("Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n"
             "KeyError: 'password=hunter2hunter2'")
    with World() as w:
        configured(w, {"path": w.path("app.log"), "multiline": {"preset": "python"}},
                   {"path": w.path("own.log"), "multiline": {"start": "^#", "flush": "100ms"}})
        w.up()
        w.run_orders()
        with open(w.path("app.log"), "w") as f:
            f.write(f"before\n{trace}\nafter\n")
        with open(w.path("own.log"), "w") as f:
            f.write("# one\ntwo\n\n# three\nfour\n")
        bodies = {r["body"] for r in eventually(w, "logs", "limit=100 log.file.path=" +
                                                w.path("app.log"), 3)}
        found = next((b for b in bodies if b.startswith("Traceback")), "")
        check(bodies - {found} == {"before", "after"}, f"{bodies}")
        check(found.count("\n") == 2 and "hunter2" not in found and "[redacted:" in found, found)
        bodies = {r["body"] for r in eventually(w, "logs", "body=#* limit=100", 2)}
        check(bodies == {"# one\ntwo\n", "# three\nfour"}, f"{bodies}")


def what_a_record_says_is_found():
    with World() as w:
        configured(w, {"path": w.path("app.json"), "parse": "json"},
                   {"path": w.path("app.fmt"), "parse": "logfmt"},
                   {"path": w.path("app.log"), "parse": "severity"})
        w.up()
        w.run_orders()
        with open(w.path("app.json"), "w") as f:
            f.write('{"time":"2026-11-24T11:00:00.5Z","level":"warn","msg":"json one","n":7,'
                    '"api_key":4242,"who":{"mail":"someone@example.org"},'
                    '"trace_id":"0af7651916cd43dd8448eb211c80319c"}\nnot json one\n')
        with open(w.path("app.fmt"), "w") as f:
            f.write('ts=2026-11-24T11:00:01Z level=error msg="fmt \\"two\\"" cost=1.5 retry\n')
        with open(w.path("app.log"), "w") as f:
            f.write("2026-11-24 11:00:02 FATAL plain three\n")
        found = eventually(w, "logs", "body=\"json one\"", 1)[0]
        check(found["severity"].lower() == "warn" and found["time"].startswith("2026-11-24T11:00:00.5"),
              f"{found}")
        a = found["attributes"]
        check(a["n"] == 7 and a["api_key"] == "[redacted:token]", f"{found}")
        check("someone@" not in json.dumps(found) and found["trace_id"].startswith("0af76519"),
              f"{found}")
        eventually(w, "logs", "body=\"not json one\"", 1)
        found = eventually(w, "logs", "body=fmt*", 1)[0]
        check(found["body"] == 'fmt "two"' and found["severity"].lower() == "error" and
              found["attributes"]["cost"] == "1.5" and found["attributes"]["retry"] is True, f"{found}")
        found = eventually(w, "logs", "body=*three", 1)[0]
        check(found["severity"].lower() == "fatal", f"{found}")


def a_wrong_setting_is_said():
    with World() as w:
        configured(w, {"path": "/var/log/*.log", "format": "xml"})
        w.up()
        run = w.run_orders(wait=False)
        check(run.wait(60) != 0, "it went on with it")
        with open(w.path("run.log")) as f:
            check_has(f.read(), "plain, cri or docker")


if __name__ == "__main__":
    main(each_line_is_stored_once, a_pod_is_read_as_kubernetes_writes_it, a_stack_trace_is_one_record,
         what_a_record_says_is_found,         a_wrong_setting_is_said)
