# SPDX-License-Identifier: Apache-2.0
"""OTLP over gRPC with the official exporter: each signal, plain and gzip, from the SDK to a question; and
what a client is told whose request is none."""
import json
import os
import subprocess

from telemetry import clients_python, eventually
from world import World, check, main

SDK = r"""
import logging, sys
import grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

for name, compression in (("plain", grpc.Compression.NoCompression), ("gzip", grpc.Compression.Gzip)):
    resource = Resource.create({"service.name": f"sdk-{name}"})
    how = {"insecure": True, "compression": compression, "timeout": 60}
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**how)))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**how)))
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(**how))], resource=resource)
    logger = logging.getLogger(name)
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=loggers))
    with tracers.get_tracer("sdk").start_as_current_span("a-span") as span:
        for i in range(2000):
            logger.warning("line %d %s", i, "x" * 200)
    meters.get_meter("sdk").create_counter("sdk.count", unit="1").add(7, {"kind": name})
    print(format(span.get_span_context().trace_id, "032x"))
    for provider in (tracers, loggers, meters):
        provider.shutdown()
"""

RAW = r"""
import json, sys
import grpc

SERVICES = {"logs": "logs.v1.LogsService", "metrics": "metrics.v1.MetricsService",
            "traces": "trace.v1.TraceService"}
told = {}
with grpc.insecure_channel(sys.argv[1]) as channel:
    def call(path, body, **how):
        try:
            channel.unary_unary(path)(body, timeout=60, **how)
            return "OK"
        except grpc.RpcError as e:
            return e.code().name
    for signal, service in SERVICES.items():
        path = f"/opentelemetry.proto.collector.{service}/Export"
        told[signal] = [call(path, b""), call(path, b"\x08\x01"), call(path, b"\0" * 1000001),
                        call(path, b"\x08\x01", compression=grpc.Compression.Gzip)]
    told["other"] = call("/opentelemetry.proto.collector.logs.v1.LogsService/Import", b"")
    told["health"] = call("/grpc.health.v1.Health/Check", b"")
print(json.dumps(told))
"""


def run(python, *args, env=None):
    p = subprocess.run([python, "-c", *args], env=env, text=True, capture_output=True, timeout=200,
                       check=False)
    check(p.returncode == 0 and "rror" not in p.stderr, f"{p.stdout}\n{p.stderr}")
    return p.stdout


def every_signal_comes_in_over_grpc():
    python = clients_python("opentelemetry-exporter-otlp-proto-grpc")
    if not python:
        print("skipped: the official gRPC exporter cannot be installed here")
        return
    with World() as w:
        w.env["OUTRIDER_CAPTURE_GRPC_LISTEN"] = "127.0.0.1:0"
        w.up()
        w.run_orders()
        address = w.endpoint("agents/orders")["intake_grpc"]
        env = dict(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{address}")
        traces = run(python, SDK, env=env).split()
        for name, trace in zip(("plain", "gzip"), traces):
            found = eventually(w, "logs", f"service=sdk-{name} limit=10000", 2000)
            check({r["body"].split()[1] for r in found} == {str(i) for i in range(2000)},
                  f"{name}: the lines are not those that were sent")
            check(all(r["trace_id"] == trace for r in found), f"{name}: of another trace")
            count = eventually(w, "metrics", f"name=sdk.count service=sdk-{name}", 1)[0]
            check(count["value"] == 7 and count["attributes"] == {"kind": name}, f"{count}")
        told = json.loads(run(python, RAW, address))
        refused = ["OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"]
        for signal in ("logs", "metrics", "traces"):
            check(told[signal] == refused, f"{signal}: {told}")
        check(told["other"] == "UNIMPLEMENTED" and told["health"] == "OK", f"{told}")


def nobody_listens_unasked():
    with World() as w:
        w.up()
        w.run_orders()
        endpoint = w.endpoint("agents/orders")
        check("intake_grpc" not in endpoint and "ext_authz" not in endpoint, endpoint)


main(every_signal_comes_in_over_grpc, nobody_listens_unasked)
