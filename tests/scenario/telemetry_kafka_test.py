# SPDX-License-Identifier: Apache-2.0
"""Logs, metrics, spans and lineage over a real Kafka: bare on their topics for whoever reads there,
stored once by the collector, and what is wrong said where a person looks."""
import json
import os
import subprocess

from kafka_test import doctor, kcat
from telemetry import (clients_python, delivered, eventually, intake, lineage_event, logs_request,
                       post, rows)
from telemetry_test import (SDK, a_workloads_output_is_kept_as_logs,
                            official_clients_are_understood,
                            the_job_reports_without_the_client_too)
from world import TELEMETRY, World, check, check_has, main, wait_for

# Reads messages, each behind its length and a colon, with the official classes; prints them as JSON.
DECODE = r"""
import json, sys
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
kind = {"otlp_logs": ExportLogsServiceRequest, "otlp_metrics": ExportMetricsServiceRequest,
        "otlp_spans": ExportTraceServiceRequest}[sys.argv[1]]
data = sys.stdin.buffer.read()
while data:
    n, _, data = data.partition(b":")
    print(json.dumps(MessageToDict(kind.FromString(data[:int(n)]))))
    data = data[int(n):]
"""


def over_kafka(test):
    def run():
        test(kafka=1)
    run.__name__ = test.__name__ + "_over_kafka"
    return run


def telemetry(w):
    return w.agent_admin("/v1/status").json()["telemetry"]


def metric(w, name):
    host = w.endpoint("collector")["url"]
    text = subprocess.run(["curl", "-sf", f"{host}/metrics"], check=True, capture_output=True,
                          text=True, timeout=30).stdout
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def send_logs(w, prefix, n):
    for i in range(n):
        check(post(intake(w), "/v1/logs", logs_request(f"{prefix} {i}"))[0] == 200, "taken")


def send_events(w, prefix, n):
    for i in range(n):
        status = post(intake(w), "/api/v1/lineage", lineage_event(f"{prefix}-{i}"))[0]
        check(status == 201, f"taken: {status}")


def event_names(w):
    nodes = json.loads(w.cli("lineage", "--json", "orders").out)["nodes"]
    job = next(n for n in nodes if n["type"] == "JOB")
    names = sorted(n["name"] for n in nodes if n["type"] == "DATASET")
    check(job["completes"] == len(names), f"each event counts once: {job}, {names}")
    return names


def messages(w, python, topic):
    """What an independent client reads there."""
    raw = subprocess.run(["kcat", "-b", w.kafka.read("brokers"), "-C", "-e", "-q", "-t", topic,
                          "-f", "%S:%s"], check=True, capture_output=True,
                         stdin=subprocess.DEVNULL, timeout=60).stdout
    p = subprocess.run([python, "-c", DECODE, topic], input=raw, check=True, capture_output=True,
                       timeout=60)
    return [json.loads(line) for line in p.stdout.splitlines()]


def other_consumers_read_each_topic():
    """kcat and the official protobuf classes, which know nothing of us."""
    python = clients_python()
    if not python:
        print("skipped: the official clients cannot be installed here")
        return
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        env = dict(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=intake(w), OTEL_SERVICE_NAME="sdk-service")
        p = subprocess.run([python, "-c", SDK], env=env, text=True, capture_output=True, timeout=60)
        check(p.returncode == 0, f"{p.stdout}\n{p.stderr}")
        sent = lineage_event("first")
        check(post(intake(w), "/api/v1/lineage", json.dumps(sent, indent=1))[0] == 201, "taken")
        delivered(w)
        for topic in TELEMETRY:
            keys = kcat(w, "-C", "-e", "-q", "-t", topic, "-f", "%k\n").splitlines()
            check(keys and set(keys) == {"orders"}, f"{topic}: {keys}")
        logs = [r for m in messages(w, python, "otlp_logs") for res in m["resourceLogs"]
                for s in res["scopeLogs"] for r in s["logRecords"]]
        check([r for r in logs if r["body"].get("stringValue") == "from the sdk"], f"{logs}")
        spans = [s["name"] for m in messages(w, python, "otlp_spans") for res in m["resourceSpans"]
                 for scope in res["scopeSpans"] for s in scope["spans"]]
        check(spans == ["sdk-span"], f"{spans}")
        names = [x["name"] for m in messages(w, python, "otlp_metrics")
                 for res in m["resourceMetrics"] for s in res["scopeMetrics"] for x in s["metrics"]]
        check("sdk.count" in names and "sdk.size" in names, f"{names}")
        events = kcat(w, "-C", "-e", "-q", "-t", "openlineage", "-f", "%s")
        check(events == json.dumps(sent, indent=1), f"untouched: {events}")


def a_collector_that_was_away_stores_it_once():
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        send_logs(w, "first", 10)
        delivered(w)
        w.cli("down")
        send_logs(w, "second", 10)
        send_events(w, "second", 10)
        wait_for("Kafka to have it", lambda: telemetry(w)["pending"] == 0)
        check(telemetry(w)["state"] == "connected", f"{telemetry(w)}")
        for _ in range(2):  # and once more: what is read again is known
            w.up()
            delivered(w)
            check(len(rows(w, "logs", "body=first*")) == 10, "the first")
            check(len(rows(w, "logs", "body=second*")) == 10, "the second")
            check(len(event_names(w)) == 10, "the events")
            w.cli("down")
        w.up()


def a_broker_that_is_away_is_said_and_nothing_lost():
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        send_logs(w, "before", 5)
        delivered(w)
        w.kafka.stop()
        wait_for("the agent to see it", lambda: telemetry(w)["state"] == "unreachable")
        send_logs(w, "meanwhile", 20)
        send_events(w, "meanwhile", 5)
        check(telemetry(w)["pending"] >= 25, f"{telemetry(w)}")
        check_has(doctor(w), "unreachable")
        w.kafka.start()
        delivered(w)
        check(len(rows(w, "logs", "body=before*")) == 5, "each once")
        check(len(rows(w, "logs", "body=meanwhile*")) == 20, "each once")
        check(len(event_names(w)) == 5, "each once")
        wait_for("the agent to see it", lambda: telemetry(w)["state"] == "connected")


def poison_is_kept_aside_and_said():
    """What others put into our topics: without a frame, with a wrong one, empty, too large."""
    with World(kafka=1) as w:
        w.up()
        w.run_orders()
        send_logs(w, "first", 1)
        delivered(w)
        large = w.path("large")
        with open(large, "w") as f:
            f.write("x" * 1_000_100)
        with open(w.path("small"), "w") as f:
            f.write("not a request")
        for topic in TELEMETRY:
            for name in ("small", "large"):
                kcat(w, "-P", "-t", topic, "-X", "message.max.bytes=1040000", w.path(name))
            kcat(w, "-P", "-t", topic, "-H", "outrider-frame=forged", w.path("small"))
        kcat(w, "-P", "-Z", "-t", "otlp_logs", "-k", "orders", "/dev/null")
        send_logs(w, "second", 1)
        send_events(w, "second", 1)
        delivered(w)
        check(len(rows(w, "logs", "scope=test")) == 2, "what is right is there")
        check(len(event_names(w)) == 1, "what is right is there")
        refused = metric(w, "outrider_collector_kafka_refused_total")
        check(refused >= 12, f"{refused} refused")
        wait_for("the dead letters", lambda: metric(
            w, "outrider_collector_telemetry_dead_letters_total") +
            metric(w, "outrider_collector_telemetry_dead_dropped_total") == refused)
        check_has(doctor(w), "telemetry/*/dead says why")
        folder = os.path.join(w.state, "collector/telemetry/openlineage/dead")
        with open(os.path.join(folder, sorted(os.listdir(folder))[0]), "rb") as f:
            head = json.loads(f.readline())
        check(head["topic"] == "openlineage" and head["peer"].startswith("kafka openlineage/0@") and
              head["detail"], f"{head}")


def an_unknown_topic_is_said_and_nothing_lost():
    with World(kafka=0) as w:
        w.kafka.topics(1, "outrider.audit", "otlp_metrics", "otlp_spans")
        w.kafka.topics(3, "openlineage")  # telemetry may have any number of partitions
        w.kafka.partitions = 1
        w.up()
        w.run_orders()
        send_logs(w, "kept", 5)
        send_events(w, "other", 5)
        wait_for("the agent to say it", lambda: "topic otlp_logs: " in telemetry(w).get("error", ""))
        check(telemetry(w)["state"] == "refused", f"{telemetry(w)}")
        wait_for("others to go on", lambda: sum(
            w.kafka.ends(*(("openlineage", i) for i in range(3)))) == 5)
        w.shipped()
        said = wait_for("the collector to say it", lambda: doctor(w)
                        if "otlp_logs misfit" in doctor(w) else None)
        check_has(said, "topic otlp_logs")
        check_has(said, "outrider.audit up")
        w.kafka.topics(1, "otlp_logs")
        delivered(w)
        check(len(rows(w, "logs", "body=kept*")) == 5, "what waited arrived")
        check(len(event_names(w)) == 5, "each once")


def a_right_that_is_missing_is_said_and_nothing_lost():
    with World(kafka=1) as w:
        w.env = w.kafka.environment("agent")
        w.up()
        w.kafka.allow("stranger", "outrider.audit", "openlineage")
        w.env = w.kafka.environment("stranger")
        w.run_orders()
        send_logs(w, "kept", 5)
        send_events(w, "other", 5)
        wait_for("the agent to say it", lambda: "topic otlp_logs: Kafka: Broker: Topic authorization"
                 in telemetry(w).get("error", ""))
        w.shipped()
        check(w.agent_admin("/v1/status").json()["ship"]["state"] == "connected", "audit goes on")
        wait_for("others to go on", lambda: w.kafka.end("openlineage", 0) == 5)
        check_has(doctor(w), "refused, ")
        w.kafka.allow("stranger", *TELEMETRY)
        delivered(w)
        check(len(rows(w, "logs", "body=kept*")) == 5, "what waited arrived")
        check(len(event_names(w)) == 5, "each once")


if __name__ == "__main__":
    main(over_kafka(a_workloads_output_is_kept_as_logs),
         over_kafka(official_clients_are_understood),
         over_kafka(the_job_reports_without_the_client_too), other_consumers_read_each_topic,
         a_collector_that_was_away_stores_it_once, a_broker_that_is_away_is_said_and_nothing_lost,
         poison_is_kept_aside_and_said, an_unknown_topic_is_said_and_nothing_lost,
         a_right_that_is_missing_is_said_and_nothing_lost)
