# SPDX-License-Identifier: Apache-2.0
"""Audit records as they are on the wire (proto/audit.proto), from Python; and the tool that answers
queries over them (collector/query/query_answer_tool.c)."""
import json
import os
import struct
import subprocess
import tempfile

KINDS = ["", "access", "policy", "identity", "process", "file", "network", "pipeline"]
DECISIONS = ["", "allow", "deny", "error", "would_allow", "would_deny"]


def _varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _number(tag, n):
    return _varint(tag << 3) + _varint(n) if n else b""


def _fixed(tag, n):
    return _varint(tag << 3 | 1) + struct.pack("<Q", n) if n else b""


def _bytes(tag, data, always=False):
    data = data.encode() if isinstance(data, str) else data
    return _varint(tag << 3 | 2) + _varint(len(data)) + data if data or always else b""


def encode(r):
    """r: field names of the query language to values; what is absent is the default."""
    get = r.get
    principal = b"".join(_bytes(i + 1, get(f"principal.{k}", ""))
                         for i, k in enumerate(["type", "id", "issuer"]))
    resource = _bytes(1, get("resource.type", "")) + _bytes(2, get("resource.id", ""))
    request = b"".join(_bytes(i + 1, get(f"request.{k}", ""))
                       for i, k in enumerate(["method", "path", "host"]))
    request += b"".join(_number(i + 4, get(f"request.{k}", 0))
                        for i, k in enumerate(["status", "bytes_in", "bytes_out", "duration_ns"]))
    product = get("product", "orders")
    out = [_fixed(1, r["time"]), _bytes(2, bytes([1] * 16)), _fixed(3, 1),
           _bytes(4, "outrider.audit/" + product), _number(5, r["seq"]), _bytes(6, product),
           _bytes(7, get("port", "")), _bytes(8, get("workload", "")),
           _number(9, KINDS.index(get("kind", "access"))), _number(10, 1), _number(11, 1),
           _bytes(12, principal), _bytes(14, get("action", "")), _bytes(15, resource),
           _number(16, DECISIONS.index(get("decision", "")))]
    out += [_bytes(17, p) for p in get("policies", [])]
    out += [_number(19, get("bundle.revision", 0)), _bytes(22, get("reason", "")),
            _bytes(24, request), _bytes(25, get("peer", "")),
            _bytes(26, bytes.fromhex(r["trace_id"])), _bytes(27, bytes.fromhex(r["span_id"]))]
    out += [_bytes(28, _bytes(1, k) + _bytes(2, v))
            for k, v in sorted(get("attributes", {}).items())]
    return b"".join(out)


class Tool:
    """Shards 0 to 3 of records; queries over all of them."""

    def __init__(self, now_ns):
        self.folder = tempfile.TemporaryDirectory(prefix="outrider-query-")
        self.process = subprocess.Popen(
            [os.path.join(os.environ["OUTRIDER_BIN"], "query-answer-tool"), self.folder.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say(f"N {now_ns}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        status = self.process.wait(60)
        self.process.stdout.close()
        self.folder.cleanup()
        if status:
            raise SystemExit(f"query-answer-tool ended with {status}")

    def _say(self, line):
        self.process.stdin.write(line + "\n")

    def put(self, shard, record):
        self._say(f"R {shard} {encode(record).hex()}")

    def seal(self, shard):
        self._say(f"S {shard}")

    def ask(self, query):
        """Rows as objects, or the error as a string."""
        self._say("Q " + query)
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) not in (".\n", ""):
            lines.append(line)
        if line == "":
            raise SystemExit(f"query-answer-tool is gone: {query}")
        if lines and lines[0].startswith("! "):
            return "".join(lines)[2:]
        return [json.loads(line) for line in lines]
