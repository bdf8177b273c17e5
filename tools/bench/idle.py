# SPDX-License-Identifier: Apache-2.0
"""PSS and wake-ups of the idle agent and collector, one JSON line each.

Both have done some work before (a hundred requests), so that what is touched once is counted.
Wake-ups are context switches of all threads, over ten seconds.
"""
import glob
import json
import time

from world import World, check, wait_for

SECONDS = 10


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


def main():
    with World() as w:
        collector = w.up()["pid"]
        w.run_orders()
        agent = w.endpoint("agents/orders")["pid"]
        token = w.token("alice", clearance=2)
        for _ in range(50):
            for path in ("/orders?limit=1", "/totals?limit=1"):
                check(w.get(path, token).status == 200, path)
        w.shipped()
        pids = {"agent": agent, "collector": collector}
        last = {name: -1 for name in pids}

        def quiet():
            """True once a second passes with hardly anything happening."""
            now = {name: switches(pid) for name, pid in pids.items()}
            still = all(now[name] - last[name] <= 3 for name in pids)
            last.update(now)
            if not still:
                time.sleep(1)
            return still
        wait_for("agent and collector to rest", quiet)
        before = {name: switches(pid) for name, pid in pids.items()}
        time.sleep(SECONDS)
        for name, pid in pids.items():
            print(json.dumps({
                "bench": "idle", "process": name, "transport": "http",
                "pss_mib": round(pss_mib(pid), 2),
                "wakeups_per_s": round((switches(pid) - before[name]) / SECONDS, 2)}))


main()
