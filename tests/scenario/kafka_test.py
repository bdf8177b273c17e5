# SPDX-License-Identifier: Apache-2.0
"""Agent and collector over a real Kafka: the story, order and place of records, and what is wrong
said where a person looks."""
import os
import subprocess

from metrics_test import promtool_finds_nothing
from story_test import story
from world import World, check, check_has, main, wait_for


def the_story_over_kafka():
    story(kafka=1)


def promtool_finds_nothing_over_kafka():
    promtool_finds_nothing(kafka=1)


def doctor(w):
    return w.cli("doctor", check_code=None).out


def ship(w):
    return w.agent_admin("/v1/status").json()["ship"]


def requests(w, n):
    token = w.token("alice", clearance=2)
    for _ in range(n):
        check(w.get("/totals?limit=1", token).status == 200, "a request is answered")


def kcat(w, *args):
    return subprocess.run(["kcat", "-b", w.kafka.read("brokers"), *args], check=True,
                          encoding="latin-1", stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          timeout=60).stdout


def other_consumers_find_key_and_frame():
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        requests(w, 3)
        w.shipped()
        read = ("-C", "-e", "-q", "-t", "outrider.audit", "-f")
        keys = kcat(w, *read, "%k\n").splitlines()
        check(keys and set(keys) == {"orders"}, keys)
        check(kcat(w, *read, "%h").count("outrider-frame=") == len(keys), "a frame for each")


def each_product_lies_in_its_shard():
    """Four shards and partitions; the agent's partitioner and the collector's must agree."""
    with World(kafka=4) as w:
        with open(w.path("collector.yaml"), "w") as f:
            f.write("shards: 4\n")
        w.up("--config", w.path("collector.yaml"))
        w.run_orders()
        requests(w, 5)
        w.shipped()
        rows = w.audit("port=totals")
        check(len(rows) == 5 and len({r["shard"] for r in rows}) == 1, rows)
        check_has(w.cli("verify").out, "complete and unchanged")
        held = [i for i in range(4) if w.kafka.end("outrider.audit", i) > 0]
        check(held == [rows[0]["shard"]], f"partitions {held}, shard {rows[0]['shard']}")


def another_number_of_partitions_is_said():
    with World(kafka=2) as w:
        w.up()
        wait_for("the collector to say it", lambda: "has 2 partitions" in doctor(w))
        check_has(w.collector_kafka()["state"], "misfit")


def a_restart_goes_on_where_the_log_says():
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        requests(w, 5)
        w.shipped()
        w.cli("down")
        requests(w, 5)
        wait_for("the agent to be done",
                 lambda: w.agent_admin("/v1/status").json()["spool"]["pending"] == 0)
        w.up()
        w.shipped()
        check(len(w.audit("port=totals")) == 10, "each once")
        check_has(w.cli("verify").out, "complete and unchanged")
        with open(os.path.join(w.state, "collector/collector.log")) as f:
            begins = [line for line in f if "kafka.begins" in line and '"outrider.audit"' in line]
        check(len(begins) == 2 and '"offset":-1' not in begins[1], begins)


def an_unknown_topic_is_said_and_nothing_lost():
    with World(kafka=0) as w:
        w.up()
        w.run_orders()
        requests(w, 5)
        wait_for("the agent to say it", lambda: "nknown topic" in ship(w).get("error", ""))
        check(ship(w)["state"] == "refused", ship(w))
        check_has(doctor(w), "nknown topic")
        wait_for("the collector to say it", lambda: w.collector_kafka().get("state") == "misfit")
        w.kafka.topics(1, "outrider.audit")
        w.kafka.partitions = 1
        w.shipped()
        check(len(w.audit("port=totals")) == 5, "what waited arrived")
        check_has(doctor(w), "connected over kafka")


def a_broker_that_is_away_is_said_and_nothing_lost():
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        requests(w, 5)
        w.shipped()
        w.kafka.stop()
        wait_for("the agent to see it", lambda: ship(w)["state"] == "unreachable")
        wait_for("the collector to see it",
                 lambda: w.collector_kafka().get("state") == "unreachable")
        requests(w, 5)
        check_has(doctor(w), "spooling")
        w.kafka.start()
        w.shipped()
        check(len(w.audit("port=totals")) == 10, "each once")
        check_has(doctor(w), "connected over kafka")
        check_has(w.cli("verify").out, "complete and unchanged")


def passwords():
    """SASL_SSL with SCRAM: the right password works, a wrong one is said and mended in place."""
    with World(kafka=1) as w:
        w.env = w.kafka.environment("agent")
        w.up()
        wrong = w.path("password")
        with open(wrong, "w") as f:
            f.write("not this\n")
        w.env = w.kafka.environment("agent", wrong)
        w.run_orders()
        requests(w, 5)
        wait_for("the agent to say it", lambda: "uthentication failed" in ship(w).get("error", ""))
        check(ship(w)["state"] == "refused", ship(w))
        check_has(doctor(w), "uthentication failed")
        os.replace(w.kafka.path("agent.password"), wrong)
        wait_for("another try", lambda: ship(w)["state"] == "connected", deadline=120)
        w.shipped()
        check(len(w.audit("port=totals")) == 5, "what waited arrived")


def a_user_without_rights_is_said():
    with World(kafka=1) as w:
        w.env = w.kafka.environment("stranger")
        w.up()
        w.run_orders()
        requests(w, 1)
        wait_for("the agent to say it", lambda: "authorization failed" in ship(w).get("error", ""))
        check(ship(w)["state"] == "refused", ship(w))
        wait_for("the collector to say it", lambda: w.collector_kafka().get("state") == "denied")


def wrong_settings_are_refused():
    with World() as w:
        w.env = {"OUTRIDER_KAFKA_BROKERS": "127.0.0.1:1", "OUTRIDER_KAFKA_SECURITY": "sasl_ssl"}
        r = w.cli("up", "--listen", "127.0.0.1:0", check_code=None)
        check(r.code != 0, r)
        check_has(r.err, "user name and a password file")


if __name__ == "__main__":
    main(the_story_over_kafka, other_consumers_find_key_and_frame, each_product_lies_in_its_shard,
         another_number_of_partitions_is_said, a_restart_goes_on_where_the_log_says,
         an_unknown_topic_is_said_and_nothing_lost, a_broker_that_is_away_is_said_and_nothing_lost,
         passwords, a_user_without_rights_is_said, wrong_settings_are_refused,
         promtool_finds_nothing_over_kafka)
