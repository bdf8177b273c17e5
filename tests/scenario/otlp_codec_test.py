# SPDX-License-Identifier: Apache-2.0
"""The OTLP codec beside an independent one, Python's protobuf with the specification's own schema: on
random requests both mean the same, from protobuf to JSON and from JSON to protobuf."""
import os
import subprocess
import sys
import tempfile

from telemetry import clients_python
from world import BIN, check, main

COUNT = int(os.environ.get("OTLP_CODEC_COUNT", "700"))

# Runs with the interpreter that has the official clients.
ORACLE = r'''
import base64, json, math, random, struct, subprocess, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

TOOL, COUNT, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
KINDS = {"logs": logs.ExportLogsServiceRequest, "metrics": metrics.ExportMetricsServiceRequest,
         "spans": traces.ExportTraceServiceRequest}
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
# Newer than the schema that is checked against here; unknown there, so not in its JSON.
TEXTS = ["", "a", "x" * 300, "\u2603 snow", "\U0001f600", "quote\" back\\ \n\t\x7f", "\u0000nul",
         "</script>", "\u2028"]
r = random.Random(SEED)


def number(f):
    t, d = f.type, f
    if t == d.TYPE_DOUBLE:
        return r.choice([0.0, -0.0, 1.5, -2.25, 1e300, 5e-324, 0.1, math.inf, -math.inf, r.random()])
    if t == d.TYPE_FLOAT:
        return r.choice([0.0, 1.5, -2.25])
    if t == d.TYPE_BOOL:
        return r.random() < 0.5
    bits = 64 if t in (d.TYPE_INT64, d.TYPE_UINT64, d.TYPE_FIXED64, d.TYPE_SFIXED64, d.TYPE_SINT64) else 32
    signed = t in (d.TYPE_INT32, d.TYPE_INT64, d.TYPE_SINT32, d.TYPE_SINT64, d.TYPE_SFIXED32, d.TYPE_SFIXED64)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return r.choice([0, 1, low, high, r.randint(low, high), r.randint(0, 1000)])


def value(f):
    if f.type == f.TYPE_STRING:
        return r.choice(TEXTS)
    if f.type == f.TYPE_BYTES:
        name = f.json_name
        n = IDS.get(name)
        return r.randbytes(n if n else r.choice([0, 1, 2, 3, 40]))
    if f.type == f.TYPE_ENUM:
        return r.choice([v.number for v in f.enum_type.values])
    return number(f)


def fill(m, depth):
    for f in m.DESCRIPTOR.fields:
        if f.containing_oneof and f != one.get(id(m), {}).get(f.containing_oneof.name):
            chosen = one.setdefault(id(m), {})
            if f.containing_oneof.name not in chosen:
                chosen[f.containing_oneof.name] = r.choice(f.containing_oneof.fields)
            if f != chosen[f.containing_oneof.name]:
                continue
        if r.random() < (0.25 if depth < 6 else 0.6):
            continue
        repeated = f.is_repeated if hasattr(f, "is_repeated") else f.label == f.LABEL_REPEATED
        if f.type == f.TYPE_MESSAGE:
            if depth > 9:
                continue
            if repeated:
                for _ in range(r.choice([0, 1, 2] if depth < 5 else [0, 1])):
                    fill(getattr(m, f.name).add(), depth + 1)
            else:
                getattr(m, f.name).SetInParent()
                fill(getattr(m, f.name), depth + 1)
        elif repeated:
            getattr(m, f.name).extend(value(f) for _ in range(r.choice([0, 1, 3])))
        else:
            setattr(m, f.name, value(f))


def hex_ids(j, to_hex):
    """OTLP's JSON has ids in hex where protobuf's has base64."""
    if isinstance(j, list):
        return [hex_ids(x, to_hex) for x in j]
    if not isinstance(j, dict):
        return j
    out = {}
    for k, v in j.items():
        if k in IDS and isinstance(v, str):
            out[k] = base64.b64decode(v).hex() if to_hex else base64.b64encode(bytes.fromhex(v)).decode()
        else:
            out[k] = hex_ids(v, to_hex)
    return out


def exchange(p, kind, data):
    p.stdin.write(kind + struct.pack(">I", len(data)) + data)
    p.stdin.flush()
    head = p.stdout.read(5)
    return head[:1], p.stdout.read(struct.unpack(">I", head[1:])[0])


bad = 0
for name, cls in KINDS.items():
    p = subprocess.Popen([TOOL, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for i in range(COUNT):
        one = {}
        m = cls()
        fill(m, 0)
        wire = m.SerializeToString(deterministic=True)
        kind, got = exchange(p, b"p", wire)
        try:
            assert kind == b"j", got
            back = json_format.ParseDict(hex_ids(json.loads(got), False), cls())
            assert back == m, f"to JSON: {got[:2000]!r}"
            text = json.dumps(hex_ids(json_format.MessageToDict(m, use_integers_for_enums=True), True),
                              ensure_ascii=r.random() < 0.5)
            kind, got = exchange(p, b"j", text.encode())
            assert kind == b"p", got
            back = cls()
            back.ParseFromString(got)
            assert back == m, f"from JSON: {text[:2000]}"
        except Exception as e:
            bad += 1
            print(f"{name} {i}: {type(e).__name__} {e}"[:3000])
            if bad > 5:
                sys.exit(1)
    p.stdin.close()
    p.wait(30)
print(f"otlp codec: {3 * COUNT - bad}/{3 * COUNT}, seed {SEED}")
sys.exit(1 if bad else 0)
'''


def both_codecs_mean_the_same():
    python = clients_python()
    if not python:
        print("skipped: the official clients cannot be installed here")
        return
    seed = int(os.environ.get("OTLP_CODEC_SEED", 1))
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "oracle.py")
        with open(path, "w") as f:
            f.write(ORACLE)
        p = subprocess.run([python, path, os.path.join(BIN, "otlp-convert-tool"), str(COUNT),
                            str(seed)], text=True, capture_output=True, timeout=280)
    sys.stdout.write(p.stdout)
    check(p.returncode == 0, f"seed {seed}: {p.stdout}\n{p.stderr}")


if __name__ == "__main__":
    main(both_codecs_mean_the_same)
