# SPDX-License-Identifier: Apache-2.0
"""Lines of a file that grows, over a real Kafka, while everything dies: the broker is away for a while,
and killed, agent and collector are killed at random moments, before, meanwhile and afterwards. Each line
is stored once. LOSS_KILLS, LOSS_OUTAGE (seconds) and LOSS_SEED change the run; ./dev nightly takes 100
and 1,200.
"""
import json
import os
import random
import time

from loss import Generator, all_are_there_once
from telemetry_crash_slow_test import kill_one
from world import World, main, wait_for

KILLS = int(os.environ.get("LOSS_KILLS", "5"))
OUTAGE_S = float(os.environ.get("LOSS_OUTAGE", "30"))
SEED = int(os.environ.get("LOSS_SEED", str(random.SystemRandom().randrange(1 << 32))))
RATE = 250


def kills(w, generator, rng, n, pause_s):
    for _ in range(n):
        before = generator.written
        wait_for("lines", lambda b=before: generator.written > b + 20)
        generator.ends.wait(rng.uniform(0, pause_s))  # a random moment, not a wait for something
        kill_one(w, "agent")


def no_line_is_lost_or_doubled():
    rng = random.Random(SEED)
    print(f"LOSS_SEED={SEED} LOSS_KILLS={KILLS} LOSS_OUTAGE={OUTAGE_S:g}", flush=True)
    with World(kafka=1) as w:
        os.mkdir(w.path("logs"))
        w.env = {**w.env, "OUTRIDER_CAPTURE_FILES": json.dumps([{"path": w.path("logs", "*.log")}])}
        w.up()
        w.run_orders()
        generator = Generator(w.path("logs", "app.log"), RATE)
        generator.start()
        early, late = KILLS // 3, KILLS // 3
        kills(w, generator, rng, early, 0.3)
        w.kafka.kill()
        begin = time.monotonic()
        kills(w, generator, rng, KILLS - early - late, OUTAGE_S / 2 / max(1, KILLS - early - late))
        kill_one(w, "collector")
        wait_for("the end of the outage", lambda: time.monotonic() > begin + OUTAGE_S, OUTAGE_S + 60)
        w.kafka.start()
        kills(w, generator, rng, late, 0.3)
        n = generator.end()
        all_are_there_once(w, n, 60 + OUTAGE_S)
        print(f"{n} lines, each stored once", flush=True)


if __name__ == "__main__":
    main(no_line_is_lost_or_doubled)
