# SPDX-License-Identifier: Apache-2.0
"""Kills agent and collector at random moments under traffic, twenty times each.

Each request carries a trace id of its own, so its records can be told. Afterwards: every answered
request has exactly one decision record; requests without an answer have at most one; nothing is
there twice; `outrider verify` passes. CRASH_KILLS and CRASH_SEED change the run. Everybody who asks
has an identity: refusals without one are counted together by address, reason and second.
"""
import collections
import http.client
import os
import random
import secrets
import threading

from world import World, alive, check, check_has, main, wait_for

KILLS = int(os.environ.get("CRASH_KILLS", "20"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
CLIENTS = 4


class Client(threading.Thread):
    """Asks again and again; remembers which requests were answered whole."""

    def __init__(self, world, tokens, stop, pace_s):
        super().__init__(daemon=True)
        self.world, self.tokens, self.stop, self.pace_s = world, tokens, stop, pace_s
        self.random = random.Random(secrets.randbits(64))
        self.answered, self.unanswered, self.statuses = {}, set(), collections.Counter()

    def run(self):
        host, port = self.world.gate.rsplit(":", 1)
        connection = None
        while not self.stop.wait(self.pace_s):
            trace = secrets.token_hex(16)
            path = self.random.choice(["/orders?limit=1", "/totals?limit=1"])
            headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01",
                       "Authorization": "Bearer " + self.random.choice(self.tokens)}
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(host, int(port), timeout=20)
                    connection.connect()
            except OSError:
                connection = None
                self.stop.wait(0.02)  # the gate is being started again
                continue
            try:
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                response.read()
                self.statuses[response.status] += 1
                self.answered[trace] = response.status
            except (OSError, http.client.HTTPException):
                self.unanswered.add(trace)
                connection.close()
                connection = None


def crash(kafka=None):
    """With kafka the broker is killed as often, and started again."""
    rng = random.Random(SEED)
    print(f"CRASH_SEED={SEED} CRASH_KILLS={KILLS}", flush=True)
    with World(kafka) as w:
        w.env["OUTRIDER_SEAL_AGE"] = "1s"  # so that it is killed while it seals and compacts, too
        w.up()
        w.run_orders()
        tokens = [w.token("alice", "--ttl", "2h", clearance=2),
                  w.token("bob", "--ttl", "2h", clearance=1)]
        stop = threading.Event()
        # A broker takes seconds to come back, and one query gives 100,000 records at most.
        clients = [Client(w, tokens, stop, 0.03 if kafka else 0) for _ in range(CLIENTS)]
        for c in clients:
            c.start()
        victims = ["agent"] * KILLS + ["collector"] * KILLS + ["kafka"] * (KILLS if kafka else 0)
        rng.shuffle(victims)
        for victim in victims:
            before = sum(len(c.answered) for c in clients)
            wait_for("traffic", lambda: sum(len(c.answered) for c in clients) > before + 5)
            stop.wait(rng.uniform(0, 0.25))  # a random moment, not a wait for something
            if victim == "kafka":
                w.kafka.kill()
                w.kafka.start()
                continue
            relative = "collector" if victim == "collector" else "agents/orders"
            pid = w.endpoint(relative)["pid"]
            w.kill(pid)
            if victim == "collector":
                wait_for("the collector's end", lambda: not alive(pid))
                w.up()
            else:
                wait_for("another agent", lambda: other_pid(w, relative, pid))
        stop.set()
        for c in clients:
            c.join(30)
        judge(w, clients)


def other_pid(w, relative, pid):
    try:
        now = w.endpoint(relative)["pid"]
        return now != pid and alive(now)
    except (OSError, ValueError):
        return False


def judge(w, clients):
    w.shipped()
    answered, unanswered, statuses = {}, set(), collections.Counter()
    for c in clients:
        answered.update(c.answered)
        unanswered |= c.unanswered
        statuses.update(c.statuses)
    rows = w.audit("product=orders kind=access | limit 100000")
    decisions = collections.Counter(
        row["record"]["trace_id"] for row in rows if row["record"]["phase"] != "outcome")
    keys = collections.Counter(
        (r["record"]["agent"], r["record"]["epoch"], r["record"]["stream"], r["record"]["seq"])
        for r in rows)
    print(f"{len(answered)} answered {dict(statuses)}, {len(unanswered)} cut, {len(rows)} records",
          flush=True)
    check(len(answered) > 20 * KILLS, "too little traffic to say anything")
    recorded = {t for t, s in answered.items() if s in (200, 403)}
    lost = [t for t in recorded if decisions[t] == 0]
    check(not lost, f"{len(lost)} answered requests have no decision record: {lost[:3]}")
    doubled = [t for t, n in decisions.items() if n > 1]
    check(not doubled, f"{len(doubled)} requests have more than one decision record: {doubled[:3]}")
    extras = [t for t in decisions if t not in answered]
    check(all(t in unanswered for t in extras), "a record of a request that nobody made")
    print(f"{len(extras)} extras: records of requests that were in flight at a kill", flush=True)
    check(len(extras) <= len(unanswered) <= CLIENTS * 2 * KILLS, f"{len(extras)} extras")
    check(max(keys.values()) == 1, "a number is there twice")
    check_has(w.cli("verify").out, "complete and unchanged")


if __name__ == "__main__":
    main(crash)
