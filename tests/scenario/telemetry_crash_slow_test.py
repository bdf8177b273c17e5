# SPDX-License-Identifier: Apache-2.0
"""Kills agent and collector at random moments while a workload reports and is asked, twenty times
each; over Kafka (telemetry_kafka_crash_slow_test.py) the broker as well.

Each log record and each lineage event is sent once and carries a name of its own. Afterwards: all that
was acknowledged is there exactly once, what was not acknowledged at most once, and nothing else; and
for decisions what crash_slow_test.py says. CRASH_KILLS and CRASH_SEED change the run.
"""
import json
import os
import random
import threading

import crash_slow_test
from telemetry import delivered, intake, lineage_event, logs_request, post, rows
from world import World, alive, check, main, wait_for

KILLS = int(os.environ.get("CRASH_KILLS", "20"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
# One query gives 10,000 rows at most, and a broker takes seconds to come back.
PACE_S = {"http": 0.01, "kafka": 0.04}


class Sender(threading.Thread):
    """Sends one thing after the other, each once; remembers which were acknowledged."""

    def __init__(self, url, path, make, good, name, stop, pace_s):
        super().__init__(daemon=True)
        self.url, self.path, self.make, self.good = url, path, make, good
        self.name, self.stop, self.pace_s = name, stop, pace_s
        self.acknowledged, self.unanswered, self.refused = set(), set(), {}

    def run(self):
        n = 0
        while not self.stop.wait(self.pace_s):
            n += 1
            name = f"{self.name}-{n}"
            try:
                status = post(self.url, self.path, self.make(name))[0]
            except ConnectionRefusedError:
                self.stop.wait(0.02)  # the agent is being started again
                continue
            except OSError:
                self.unanswered.add(name)
                continue
            if status == self.good:
                self.acknowledged.add(name)
            else:
                self.refused[name] = status


def judge(sender, found):
    doubled = {name for name in found if found.count(name) > 1}
    check(not doubled, f"{sender.name}: there twice: {sorted(doubled)[:5]}")
    lost = sender.acknowledged - set(found)
    check(not lost, f"{sender.name}: {len(lost)} acknowledged and lost: {sorted(lost)[:5]}")
    strange = set(found) - sender.acknowledged - sender.unanswered
    check(not strange, f"{sender.name}: never sent, or refused: {sorted(strange)[:5]}")
    check(not sender.refused, f"{sender.name}: refused: {list(sender.refused.items())[:5]}")
    print(f"{sender.name}: {len(sender.acknowledged)} acknowledged, each there once; "
          f"{len(set(found) & sender.unanswered)} of {len(sender.unanswered)} unanswered are there",
          flush=True)


def kill_one(w, victim):
    """Kills it; the agent is started again by `outrider run`, the others here."""
    if victim == "kafka":
        w.kafka.kill()
        w.kafka.start()
        return
    pid = w.endpoint("agents/orders" if victim == "agent" else "collector")["pid"]
    w.kill(pid)
    wait_for(f"the {victim}'s end", lambda: not alive(pid))
    if victim == "collector":
        w.up()
    else:
        wait_for("the agent's return", lambda: agent_is_back(w, pid))


def agent_is_back(w, old):
    try:
        return w.endpoint("agents/orders")["pid"] != old
    except (OSError, ValueError):
        return False


def nothing_acknowledged_is_lost_or_doubled(kafka=None):
    rng = random.Random(SEED)
    print(f"CRASH_SEED={SEED} CRASH_KILLS={KILLS}", flush=True)
    with World(kafka) as w:
        w.up()
        w.run_orders()
        stop = threading.Event()
        pace = PACE_S["kafka" if kafka else "http"]
        senders = [Sender(intake(w), "/v1/logs", logs_request, 200, "log", stop, pace),
                   Sender(intake(w), "/api/v1/lineage", lineage_event, 201, "event", stop, pace)]
        token = w.token("alice", "--ttl", "2h", clearance=2)
        client = crash_slow_test.Client(w, [token], stop, pace)
        for s in [*senders, client]:
            s.start()
        victims = ["agent"] * KILLS + ["collector"] * KILLS + ["kafka"] * (KILLS if kafka else 0)
        rng.shuffle(victims)
        for victim in victims:
            before = [len(s.acknowledged) for s in senders]
            wait_for("traffic", lambda: all(len(s.acknowledged) > b + 3
                                            for s, b in zip(senders, before)))
            stop.wait(rng.uniform(0, 0.25))  # a random moment, not a wait for something
            kill_one(w, victim)
        stop.set()
        for s in [*senders, client]:
            s.join()
        delivered(w)
        found = [r["body"] for r in rows(w, "logs", "scope=test limit=10000")]
        judge(senders[0], found)
        graph = json.loads(w.cli("lineage", "--json", "orders").out)
        judge(senders[1], [n["name"][1:] for n in graph["nodes"] if n["type"] == "DATASET"])
        job = next(n for n in graph["nodes"] if n["type"] == "JOB")
        check(job["completes"] == len(graph["nodes"]) - 1, f"each event counts once: {job}")
        crash_slow_test.judge(w, [client])


if __name__ == "__main__":
    main(nothing_acknowledged_is_lost_or_doubled)
