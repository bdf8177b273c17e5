# SPDX-License-Identifier: Apache-2.0
"""A topic is deleted and made anew, while the collector is away and while it reads: what comes into the
new one is stored, each line once, though its offsets begin at 0 again."""
import json
import os
import subprocess

from loss import Generator, all_are_there_once, are_all_read
from telemetry import delivered
from telemetry_crash_slow_test import kill_one
from world import BIN, World, check, main, wait_for

TOPIC = "otlp_logs"


def make_anew(w):
    subprocess.run([os.path.join(BIN, "kafka-topic-tool"), w.kafka.read("brokers"), "0", TOPIC],
                   check=True, timeout=60)
    w.kafka.topics(1, TOPIC)


def rest(w, generator):
    """Nothing is under way: what Kafka has acknowledged and nobody read goes with a topic."""
    generator.held.set()
    wait_for("the last line", lambda: are_all_read(w, generator.written))
    delivered(w)
    return w.kafka.end(TOPIC, 0)


def a_topic_that_is_made_anew_loses_nothing():
    with World(kafka=1) as w:
        os.mkdir(w.path("logs"))
        w.env = {**w.env, "OUTRIDER_CAPTURE_FILES": json.dumps([{"path": w.path("logs", "*.log")}])}
        w.up()
        w.run_orders()
        generator = Generator(w.path("logs", "app.log"), 500)
        generator.start()
        wait_for("lines", lambda: generator.written > 500)
        end = rest(w, generator)
        check(end > 0, "nothing came through Kafka")

        pid = w.endpoint("collector")["pid"]
        w.kill(pid)
        make_anew(w)
        generator.held.clear()
        # More than the old one had: its next offset is within the new one.
        wait_for("more messages than before", lambda: w.kafka.end(TOPIC, 0) > end + 3)
        w.up()
        all_are_there_once(w, rest_of(w, generator))

        end = w.kafka.end(TOPIC, 0)
        make_anew(w)
        generator.held.clear()
        before = generator.written
        wait_for("lines", lambda: generator.written > before + 500)
        kill_one(w, "collector")
        all_are_there_once(w, generator.end())


def rest_of(w, generator):
    rest(w, generator)
    return generator.written


if __name__ == "__main__":
    main(a_topic_that_is_made_anew_loses_nothing)
