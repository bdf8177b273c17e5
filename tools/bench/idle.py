# SPDX-License-Identifier: Apache-2.0
"""PSS and wake-ups of the idle agent, its tap and collector, one JSON line each: idle.py [http] [kafka].

Both have done some work before (a hundred requests), so that what is touched once is counted.
Wake-ups are context switches of all threads, over ten seconds.
"""
import glob
import json
import sys
import time

from world import World, check, wait_for

SECONDS = 10
RESTS = {"http": 3, "kafka": 50}  # wake-ups a second of a process that does nothing more


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


def switches(pid):
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path) as f:
            for line in f:
                if "ctxt_switches" in line:
                    total += int(line.split()[1])
    return total


def measure(transport):
    with World(kafka=1 if transport == "kafka" else None) as w:
        collector = w.up()["pid"]
        w.run_orders()
        agent = w.endpoint("agents/orders")["pid"]
        token = w.token("alice", clearance=2)
        for _ in range(50):
            for path in ("/orders?limit=1", "/totals?limit=1"):
                check(w.get(path, token).status == 200, path)
        w.shipped()
        pids = {"agent": agent, "collector": collector}
        tap = w.agent_admin("/v1/status").json()["tap"]
        if tap["pid"]:
            pids["tap"] = tap["pid"]
        else:
            print(f"no tap: {tap['why']}", file=sys.stderr)
        last = {name: -1 for name in pids}

        def quiet():
            """True once a second passes with hardly anything happening."""
            now = {name: switches(pid) for name, pid in pids.items()}
            still = all(now[name] - last[name] <= RESTS[transport] for name in pids)
            last.update(now)
            if not still:
                time.sleep(1)
            return still
        wait_for("agent and collector to rest", quiet)
        before = {name: switches(pid) for name, pid in pids.items()}
        time.sleep(SECONDS)
        for name, pid in pids.items():
            print(json.dumps({
                "bench": "idle", "process": name, "transport": transport,
                "pss_mib": round(pss_mib(pid), 2),
                "wakeups_per_s": round((switches(pid) - before[name]) / SECONDS, 2)}))


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["http"]:
        if wanted not in RESTS:
            sys.exit(f"idle.py: a transport is {' or '.join(RESTS)}, not {wanted!r}")
        measure(wanted)
