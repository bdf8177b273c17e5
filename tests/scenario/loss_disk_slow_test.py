# SPDX-License-Identifier: Apache-2.0
"""The telemetry spool's disk is full (a small tmpfs) while the collector is away: log files wait in
their files, the intake says 503, the gate goes on; afterwards everything is stored, each once."""
import json
import os
import subprocess

from loss import Generator, all_are_there_once
from telemetry import eventually, intake, logs_request, post
from world import World, alive, check, main, wait_for

SIZE = 6 << 20


def fill(w, generator):
    """Until the disk has no room for a request and log files wait. Returns the acknowledged names."""
    taken, pad = [], "x" * 100_000

    def is_full():
        name = f"pushed {len(taken)} "
        status = post(intake(w), "/v1/logs", logs_request(name + pad))[0]
        if status == 200:
            taken.append(name)
        check(status in (200, 503), f"the intake says {status}")
        return status == 503
    wait_for("the disk to be full", is_full)
    before = generator.written
    wait_for("more lines than there is room for", lambda: generator.written > before + 3000)
    return taken


def a_full_disk_loses_nothing():
    with World() as w:
        folder = os.path.join(w.state, "agents", "orders", "telemetry")
        os.makedirs(folder)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", folder],
                                 stderr=subprocess.DEVNULL)
        if mounted.returncode:
            print("left out: no right to mount a small file system", flush=True)
            return
        try:
            run(w)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def run(w):
    os.mkdir(w.path("logs"))
    w.env = {"OUTRIDER_CAPTURE_FILES": json.dumps([{"path": w.path("logs", "*.log")}])}
    w.up()
    w.run_orders()
    generator = Generator(w.path("logs", "app.log"), 1000, 300)
    generator.start()
    wait_for("lines", lambda: generator.written > 1000)
    pid = w.endpoint("collector")["pid"]
    w.kill(pid)
    wait_for("the collector's end", lambda: not alive(pid))
    taken = fill(w, generator)
    agent = w.endpoint("agents/orders")["pid"]
    check(alive(agent), "the agent ended")
    check(w.get("/orders", token=w.token("ana", clearance=2)).status == 200, "the gate does not answer")
    w.kill(agent)  # and a start on a full disk
    wait_for("another agent", lambda: w.endpoint("agents/orders")["pid"] != agent)
    w.up()
    n = generator.end()
    all_are_there_once(w, n)
    check(len(taken) > 0, "nothing was taken before the disk was full")
    eventually(w, "logs", "body=pushed* limit=1000", len(taken))
    status = post(intake(w), "/v1/logs", logs_request("after"))[0]
    check(status == 200, f"there is room again, and the intake says {status}")
    print(f"{n} lines and {len(taken)} requests, each stored once", flush=True)


if __name__ == "__main__":
    main(a_full_disk_loses_nothing)
