# SPDX-License-Identifier: Apache-2.0
"""Logs, metrics, spans and lineage, from a workload to a question: with the official clients where
they can be installed, by hand otherwise; bad input; and an unreachable collector."""
import json
import os
import re
import subprocess
import sys

from telemetry import (clients_python, delivered, eventually, intake, lineage_event, logs_request,
                       post, rows)
from world import ORDERS, ROOT, World, check, check_has, main, wait_for

SDK = r"""
import logging, sys
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(compression=Compression.Gzip)))
loggers = LoggerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
logger = logging.getLogger("sdk.test")
logger.addHandler(LoggingHandler(logger_provider=loggers))
with tracers.get_tracer("sdk.test").start_as_current_span("sdk-span") as span:
    logger.warning("from the sdk", extra={"attempt": 3})
meters.get_meter("sdk.test").create_counter("sdk.count", unit="1").add(7, {"kind": "test"})
meters.get_meter("sdk.test").create_histogram("sdk.size", unit="By").record(12.5)
print(format(span.get_span_context().trace_id, "032x"))
for provider in (tracers, loggers, meters):
    provider.shutdown()
"""

WORKLOAD = r"""
import os, runpy, sys
for i in range(500):
    print(f"line {i}", flush=i % 7 == 0)
print("to stderr: \N{SNOWMAN}", file=sys.stderr, flush=True)
sys.stdout.buffer.write(b"not utf-8: \xff\xfe\n")
for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME", "OPENLINEAGE_URL"):
    print(f"env {name}={os.environ[name]}", flush=True)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def a_workloads_output_is_kept_as_logs(kafka=None):
    with World(kafka) as w:
        w.up()
        w.run_orders(command=[sys.executable, "-c", WORKLOAD, f"{ORDERS}/serve.py"])
        found = eventually(w, "logs", 'product=orders body=line* limit=10000', 500)
        check([r["body"] for r in found] == [f"line {i}" for i in range(500)],
              "the lines are in their order")
        check(all(r["attributes"] == {"log.iostream": "stdout"} and r["service"] == "orders"
                  for r in found), f"{found[0]}")
        found = eventually(w, "logs", "iostream=stderr", 1)
        check(found[0]["body"] == "to stderr: \N{SNOWMAN}", f"{found}")
        eventually(w, "logs", f'"env OPENLINEAGE_URL={intake(w)}"', 1)
        eventually(w, "logs", f'"env OTEL_EXPORTER_OTLP_ENDPOINT={intake(w)}"', 1)
        eventually(w, "logs", '"env OTEL_SERVICE_NAME=orders"', 1)
        with open(w.path("run.log"), errors="replace") as f:
            passed = f.read()
        for i in range(500):
            check(f"line {i}\n" in passed, f"line {i} was not passed on")


def official_clients_are_understood(kafka=None):
    python = clients_python()
    if not python:
        print("skipped: the official clients cannot be installed here")
        return
    with World(kafka) as w:
        w.up()
        w.run_orders()
        env = dict(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=intake(w), OPENLINEAGE_URL=intake(w),
                   OTEL_SERVICE_NAME="sdk-service")
        p = subprocess.run([python, "-c", SDK], env=env, text=True, capture_output=True, timeout=60)
        check(p.returncode == 0 and "ERROR" not in p.stderr and "rror" not in p.stderr,
              f"{p.stdout}\n{p.stderr}")
        trace = p.stdout.strip()
        log = eventually(w, "logs", "service=sdk-service", 1)[0]
        check(log["body"] == "from the sdk" and log["trace_id"] == trace and
              log["attributes"]["attempt"] == 3 and log["severity_number"] == 13, f"{log}")
        check(rows(w, "logs", f"trace_id={trace} severity>=warn") == [log], "found by its trace")
        count = eventually(w, "metrics", "name=sdk.count", 1)[0]
        check(count["value"] == 7 and count["type"] == "sum" and
              count["attributes"] == {"kind": "test"}, f"{count}")
        size = eventually(w, "metrics", "sdk.size type=histogram", 1)[0]
        check(size["count"] == 1 and size["sum"] == 12.5 and size["unit"] == "By", f"{size}")
        refresh(w, python, env)


def refresh(w, python, env):
    """The example's job; its graph as text and as JSON."""
    target = w.path("orders.json")
    p = subprocess.run([python, f"{ORDERS}/refresh.py", f"{ORDERS}/data/checkouts.csv", target],
                       env=env, text=True, capture_output=True, timeout=60)
    check(p.returncode == 0, f"{p.stdout}\n{p.stderr}")
    with open(target) as a, open(f"{ORDERS}/data/orders.json") as b:
        check(a.read() == b.read(), "the job makes the example's data set")
    text = wait_for("the lineage", lambda: complete(w))
    check_has(text, f"data file {ORDERS}/data/checkouts.csv\n  └─▶ job orders refresh  COMPLETE")
    check_has(text, f"└─▶ data file {target}")
    graph = json.loads(w.cli("lineage", "--json", "orders").out)
    job = next(n for n in graph["nodes"] if n["type"] == "JOB")
    check(job["starts"] == 1 and job["completes"] == 1 and job["products"] == ["orders"], f"{job}")
    check(len(graph["nodes"]) == 3 and len(graph["edges"]) == 2, f"{graph}")


def complete(w):
    result = w.cli("lineage", "orders", check_code=None)
    return result.out if result.code == 0 and "COMPLETE" in result.out else None


def the_job_reports_without_the_client_too(kafka=None):
    with World(kafka) as w:
        w.up()
        w.run_orders()
        refresh(w, sys.executable, dict(os.environ, OPENLINEAGE_URL=intake(w)))
        result = w.cli("lineage", "nobody", check_code=1)
        check_has(result.err, "has reported no lineage events")


def bad_input_is_refused_and_loses_nothing():
    with World() as w:
        w.up()
        w.run_orders()
        url = intake(w)
        cases = [
            ("/v1/logs", b'{"resourceLogs":3}', "application/json", 400, b'"code":3'),
            ("/v1/logs", b'{"resourceLogs":[', "application/json", 400, b"line 1"),
            ("/v1/metrics", b"\x0a\xff", "application/x-protobuf", 400, b"\x08\x03"),
            ("/v1/logs", b"{}", "text/plain", 415, b"Content-Type"),
            ("/v1/logs", b"x" * 1000001, "application/x-protobuf", 413, b"1000000"),
            ("/v1/profiles", b"{}", "application/json", 404, b"/v1/logs"),
            ("/api/v1/lineage", b'{"eventTime":"2026-11-24T11:00:00"}', "application/json", 400,
             b"offset"),
            ("/api/v1/lineage", b"[]", "application/json", 400, b"object"),
        ]
        for path, body, kind, status, needle in cases:
            answer = post(url, path, body, kind)
            check(answer[0] == status and needle in answer[2], f"{path} {body[:40]}: {answer}")
        check(post(url, "/v1/logs", logs_request("good"))[0] == 200, "and still it takes what is right")
        eventually(w, "logs", "body=good", 1)
        for query, needle in (("since=soon", "how long ago"), ("severity=loud", "expected trace"),
                              ("a=", "expected a word")):
            check_has(w.cli("logs", query, check_code=2).err, needle)
        w.cli("logs", "body=nothing-like-it", check_code=1)


def secrets_never_touch_the_disk():
    with World() as w:
        w.env = {"OUTRIDER_CAPTURE_REDACT_PATTERNS":
                 json.dumps([{"name": "bsn", "regex": "BSN[ :]*[0-9]{9}"}])}
        w.up()
        w.run_orders(command=[sys.executable, "-u", "-c", "import runpy, sys\nprint('said by jan@secret.example, password=hunter2')"
                              "\nrunpy.run_path(sys.argv[1], run_name='__main__')",
                              f"{ORDERS}/serve.py"])
        w.cli("down")  # so that all of it lies in the spool
        attributes = [{"key": "http.request.header.authorization",
                       "value": {"stringValue": "Bearer s3cr3t-in-a-field"}}]
        body = logs_request("card 4111 1111 1111 1111, BSN: 123456782, kept")
        body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"] = attributes
        check(post(intake(w), "/v1/logs", body)[0] == 200, "it is taken")
        w.up()
        found = eventually(w, "logs", "body=card* limit=5", 1)[0]
        check(found["body"] == "card [redacted:card], [redacted:bsn], kept", f"{found}")
        check(found["attributes"] == {"http.request.header.authorization": "[redacted:token]"},
              f"{found}")
        eventually(w, "logs", "body=said* limit=5", 1)
        for directory, _, names in os.walk(w.state):
            for name in names:
                with open(os.path.join(directory, name), "rb") as f:
                    data = f.read()
                for secret in (b"4111 1111", b"123456782", b"s3cr3t-in", b"hunter2",
                               b"jan@secret"):
                    check(secret not in data, f"{secret} is in {directory}/{name}")
        status = w.agent_admin("/metrics").body
        for kind in ("card", "mail", "token", "bsn"):
            check(re.search(rf'outrider_redacted_total\{{kind="{kind}"\}} [1-9]', status), kind)


def an_unreachable_collector_is_waited_for():
    with World() as w:
        w.up()
        w.run_orders()
        url = intake(w)
        w.cli("down")
        for i in range(20):
            check(post(url, "/v1/logs", logs_request(f"kept {i}"))[0] == 200, "taken into the spool")
        check(post(url, "/api/v1/lineage", lineage_event("kept"))[0] == 201, "taken into the spool")
        check(w.agent_admin("/v1/status").json()["telemetry"]["pending"] >= 21, "it waits")
        w.up()
        delivered(w)
        check(len(rows(w, "logs", "body=kept*")) == 20, "all of it, once")
        check_has(w.cli("lineage", "orders").out, "data file /kept")
        w.cli("verify")  # audit is as it was


if __name__ == "__main__":
    main(a_workloads_output_is_kept_as_logs, official_clients_are_understood,
         the_job_reports_without_the_client_too, bad_input_is_refused_and_loses_nothing,
         secrets_never_touch_the_disk, an_unreachable_collector_is_waited_for)
