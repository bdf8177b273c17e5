# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's Collector (its Kafka receiver) reads our topics: logs of a file, and what a workload
sends of all three signals, compared by content. OTELCOL is the program (tools/dev/lib/otelcol.sh builds
it); without it the test is left out."""
import json
import os
import subprocess

from loss import Generator
from telemetry import intake, logs_request, post
from world import World, check, main, wait_for

OTELCOL = os.environ.get("OTELCOL")
SIGNALS = {"logs": "otlp_logs", "metrics": "otlp_metrics", "traces": "otlp_spans"}
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
METRICS = {"resourceMetrics": [{"scopeMetrics": [{"scope": {"name": "test"}, "metrics": [{
    "name": "orders", "unit": "1", "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [
        {"asInt": "41", "timeUnixNano": "1764000000000000000",
         "attributes": [{"key": "shop", "value": {"stringValue": "west"}}]}]}}]}]}]}
SPANS = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "test"}, "spans": [{
    "traceId": TRACE, "spanId": SPAN, "name": "buy", "kind": 2,
    "startTimeUnixNano": "1764000000000000000", "endTimeUnixNano": "1764000001000000000"}]}]}]}


def start(w):
    config = {
        "receivers": {"kafka": {"brokers": [w.kafka.read("brokers")], "initial_offset": "earliest",
                                "group_id": "otelcol",
                                **{s: {"topics": [t], "encoding": "otlp_proto"}
                                   for s, t in SIGNALS.items()}}},
        "exporters": {f"file/{s}": {"path": w.path(s + ".json")} for s in SIGNALS},
        "service": {"telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
                    "pipelines": {s: {"receivers": ["kafka"], "exporters": [f"file/{s}"]}
                                  for s in SIGNALS}}}
    with open(w.path("otelcol.yaml"), "w") as f:
        json.dump(config, f)
    p = subprocess.Popen([OTELCOL, "--config", "file:" + w.path("otelcol.yaml")],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=open(w.path("otelcol.log"), "w"))
    w.runs.append(p)
    return p


def seen(w, signal, outer, inner, items):
    """(scope's name, item) of what it has written so far; a last line without its end comes later."""
    found = []
    if os.path.exists(w.path(signal + ".json")):
        with open(w.path(signal + ".json")) as f:
            for text in f:
                if text.endswith("\n"):
                    found += [(s.get("scope", {}).get("name"), item) for r in json.loads(text)[outer]
                              for s in r[inner] for item in s[items]]
    return found


def logs(w):
    return seen(w, "logs", "resourceLogs", "scopeLogs", "logRecords")


def opentelemetry_reads_what_we_write():
    if not OTELCOL:
        print("left out: OTELCOL names no program", flush=True)
        return
    with World(kafka=1) as w:
        os.mkdir(w.path("logs"))
        w.env = {**w.env, "OUTRIDER_CAPTURE_FILES": json.dumps([{"path": w.path("logs", "*.log")}])}
        w.up()
        w.run_orders()
        p = start(w)
        generator = Generator(w.path("logs", "app.log"), 500)
        generator.start()
        for path, body in (("/v1/logs", logs_request("pushed")), ("/v1/metrics", METRICS),
                           ("/v1/traces", SPANS)):
            check(post(intake(w), path, body)[0] == 200, path)
        wait_for("lines", lambda: generator.written >= 1000)
        n = generator.end()

        def complete():
            check(p.poll() is None, "it ended by itself")
            return len(logs(w)) > n and seen(w, "metrics", "resourceMetrics", "scopeMetrics", "metrics") \
                and seen(w, "traces", "resourceSpans", "scopeSpans", "spans")
        wait_for("OpenTelemetry's Collector to read all of it", complete)
        with open(w.path("logs", "app.log")) as f:
            expected = sorted(f.read().splitlines())
        bodies = sorted(r["body"]["stringValue"] for scope, r in logs(w) if scope == "outrider.files")
        check(bodies == expected, f"{len(bodies)} lines of {n}")
        pushed = [r for scope, r in logs(w) if scope == "test"]
        check(len(pushed) == 1 and pushed[0]["body"]["stringValue"] == "pushed" and
              pushed[0]["severityNumber"] == 13, f"{pushed}")
        check([m for _, m in seen(w, "metrics", "resourceMetrics", "scopeMetrics", "metrics")] ==
              [METRICS["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]], "the metric")
        spans = [s for _, s in seen(w, "traces", "resourceSpans", "scopeSpans", "spans")]
        check(len(spans) == 1 and {k: spans[0][k] for k in ("traceId", "spanId", "name", "kind")} ==
              {"traceId": TRACE, "spanId": SPAN, "name": "buy", "kind": 2}, f"{spans}")


if __name__ == "__main__":
    main(opentelemetry_reads_what_we_write)
