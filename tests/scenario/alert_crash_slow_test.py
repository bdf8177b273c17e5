# SPDX-License-Identifier: Apache-2.0
"""The collector is killed at random moments while alerts begin and end: each is told and on record,
in order; what is told twice has the same Idempotency-Key."""
import collections
import os
import random
import threading

from alert_test import Receiver, deny, kill_collector, start
from world import World, check, main, wait_for

KILLS = int(os.environ.get("OUTRIDER_KILLS", "20"))


def told(r):
    """The notices by their key, in order of arrival; each repetition must say the same."""
    notices = collections.OrderedDict()
    with r.lock:
        for _, _, headers, body in r.posts:
            key = headers["Idempotency-Key"]
            check(notices.setdefault(key, body) == body, f"{key} says two things")
    return list(notices.values())


def killed_at_random():
    seed = int(os.environ.get("OUTRIDER_SEED", random.randrange(1 << 30)))
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    with Receiver() as r, World() as w:
        start(w, r, resolve="1s")
        for i in range(KILLS):
            deny(w, who=f"user{i}")
            threading.Event().wait(rng.uniform(0, 2.2))  # a random moment, not a wait for something
            kill_collector(w)
            w.up("--alerts", w.rules)

        def ended():
            rows = [x["record"] for x in w.audit("action=alert | limit 1000")]
            return rows if len(rows) >= 2 * KILLS else None

        rows = wait_for("the end of every alert", ended)
        check(len(rows) == 2 * KILLS, f"{len(rows)} records for {KILLS} alerts")
        by_user = collections.Counter(
            (x["attributes"]["label.principal_id"], x["reason"]) for x in rows)
        check(len(by_user) == 2 * KILLS and set(by_user.values()) == {1}, by_user)

        def all_told():
            state = collections.defaultdict(list)
            for body in told(r):
                for alert in body["alerts"]:
                    steps = state[alert["fingerprint"]]
                    if not steps or steps[-1] != (alert["status"], alert["startsAt"]):
                        steps.append((alert["status"], alert["startsAt"]))
            return state if len(state) == KILLS and all(
                s[-1][0] == "resolved" for s in state.values()) else None

        for steps in wait_for("every end to be told", all_told).values():
            check([s for s, _ in steps] in (["firing", "resolved"], ["resolved"]), steps)
            check(len({at for _, at in steps}) == 1, steps)
        print(f"{KILLS} kills, {len(r.posts)} notices, "
              f"{len(r.posts) - len(told(r))} of them again", flush=True)


if __name__ == "__main__":
    main(killed_at_random)
