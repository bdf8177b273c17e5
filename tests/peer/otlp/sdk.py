# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's Python SDK, told what to export on stdin: {"id", "pad"} a line. For each, one item of every signal
goes out in every encoding, packed and not, all at once; the answer is a line {"<signal> <encoding> <packing>": taken}."""
import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

from opentelemetry.exporter.otlp.json.http import _log_exporter as json_logs
from opentelemetry.exporter.otlp.json.http import metric_exporter as json_metrics
from opentelemetry.exporter.otlp.json.http import trace_exporter as json_traces
from opentelemetry.exporter.otlp.proto.http import _log_exporter as proto_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as proto_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as proto_traces
from opentelemetry.exporter.otlp.proto.http import Compression as ProtoCompression
from opentelemetry.exporter.otlp.common.http import Compression as JsonCompression
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

URL = sys.argv[1]
PATHS = {"logs": "/v1/logs", "metrics": "/v1/metrics", "traces": "/v1/traces"}
CLASSES = {("logs", "json"): json_logs.OTLPLogExporter, ("logs", "protobuf"): proto_logs.OTLPLogExporter,
           ("metrics", "json"): json_metrics.OTLPMetricExporter, ("metrics", "protobuf"): proto_metrics.OTLPMetricExporter,
           ("traces", "json"): json_traces.OTLPSpanExporter, ("traces", "protobuf"): proto_traces.OTLPSpanExporter}


def exporter(signal, encoding, packing):
    kinds = ProtoCompression if encoding == "protobuf" else JsonCompression
    none = getattr(kinds, "NoCompression", None) or kinds.NONE
    gzip = getattr(kinds, "Gzip", None) or kinds.GZIP
    return CLASSES[signal, encoding](endpoint=URL + PATHS[signal], timeout=60,
                                     compression=gzip if packing == "gzip" else none)


CASES = {f"{s} {e} {p}": exporter(s, e, p) for s in PATHS for e in ("json", "protobuf") for p in ("plain", "gzip")}


def one_log(name, pad):
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = logging.Logger("sdk")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    logger.warning(name + pad)
    return memory.get_finished_logs()


def one_metric(name, pad):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    provider.get_meter("sdk").create_counter(name).add(1, {"pad": pad})
    return reader.get_metrics_data()


def one_span(name, pad):
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("sdk").start_as_current_span(name, attributes={"pad": pad}):
        pass
    return memory.get_finished_spans()


MAKE = {"logs": one_log, "metrics": one_metric, "traces": one_span}


def export(case, item, pad):
    signal = case.split()[0]
    name = f"{item}.{case.replace(' ', '.')}"
    return CASES[case].export(MAKE[signal](name, pad)).name == "SUCCESS"


logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
with ThreadPoolExecutor(len(CASES)) as pool:
    for line in sys.stdin:
        told = json.loads(line)
        cases = told.get("cases") or list(CASES)
        results = pool.map(lambda case: export(case, told["id"], "x" * told.get("pad", 0)), cases)
        print(json.dumps(dict(zip(cases, results))), flush=True)
