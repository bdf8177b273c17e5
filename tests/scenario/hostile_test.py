# SPDX-License-Identifier: Apache-2.0
"""Nothing reaches a workload that was not decided as it arrived, and nothing is answered unrecorded.

Each request at the workload has the traceparent that the gate gave it: it must be that of a record
which allows this method, path and host.
"""
import json
import os
import shutil
import socket
import struct
import sys

from world import ROOT, World, check, main, wait_for

RECORDER = os.path.join(ROOT, "tests/support/recorder.py")
INNER = "GET /orders HTTP/1.1\r\nHost: inner\r\nX-Smuggled: yes\r\n\r\n"
NGINX = """
worker_processes 1; daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{}}
http {{
  log_format seen escape=json '{{"method":"$request_method","target":"$request_uri","body":0,'
    '"fields":[["traceparent","$http_traceparent"],["host","$http_host"],'
    '["x-smuggled","$http_x_smuggled"]]}}';
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; underscores_in_headers on;
  keepalive_timeout 60s; large_client_header_buffers 4 32k;
  server {{
    listen 127.0.0.1:{port};
    location = /health {{ access_log off; return 200 ok; }}
    location / {{ access_log {dir}/seen.jsonl seen; root {dir}; try_files /answer =404; }}
  }}
}}
"""


def head(target, *fields, method="GET", version="HTTP/1.1", host="Host: a\r\n"):
    return f"{method} {target} {version}\r\n{host}Authorization: Bearer TOKEN\r\n" + \
        "".join(f + "\r\n" for f in fields) + "\r\n"


def chunked(*fields, body, **more):
    return head("/totals", "Transfer-Encoding: chunked", *fields, **more) + body


LENGTH = f"Content-Length: {len(INNER)}"

# What two readers are known to take apart differently. TOKEN is one that may read /totals only.
FRAMING = [
    head("/totals", LENGTH, "Transfer-Encoding: chunked") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding: chunked", LENGTH) + "0\r\n\r\n" + INNER,
    head("/totals", LENGTH, "Content-Length: 0") + INNER,
    head("/totals", "Content-Length: 0", LENGTH) + INNER,
    head("/totals", f"Content-Length: 0, {len(INNER)}") + INNER,
    head("/totals", f"Content-Length: +{len(INNER)}") + INNER,
    head("/totals", f"Content-Length: 0x{len(INNER):x}") + INNER,
    head("/totals", f"Content-Length: 0{len(INNER)}") + INNER,
    head("/totals", f"Content-Length : {len(INNER)}") + INNER,
    head("/totals", "Content-Length: -1") + INNER,
    head("/totals", "Content-Length: 18446744073709551616") + INNER,
    head("/totals", "Content-Length:") + INNER,
    head("/totals", f"Content_Length: {len(INNER)}") + INNER,
    head("/totals", "Transfer_Encoding: chunked") + INNER,
    head("/totals", "Transfer-Encoding : chunked") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding: chunked, identity") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding: identity, chunked") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding: xchunked") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding:\x0bchunked") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding: \"chunked\"") + "0\r\n\r\n" + INNER,
    head("/totals", "Transfer-Encoding: chunked", "Transfer-Encoding: x") + "0\r\n\r\n" + INNER,
    head("/totals", "X: 1\r\n Transfer-Encoding: chunked") + "0\r\n\r\n" + INNER,
    head("/totals", "X: 1\nTransfer-Encoding: chunked") + "0\r\n\r\n" + INNER,
    head("/totals", "X: 1\rTransfer-Encoding: chunked") + "0\r\n\r\n" + INNER,
    head("/totals", "X: 1\x00", LENGTH) + INNER,
    head("/totals", " Content-Length: 5") + INNER,
    head("/totals", "Transfer-Encoding: chunked", version="HTTP/1.0") + "0\r\n\r\n" + INNER,
    chunked(body="0\r\n\r\n" + INNER),
    chunked(body="0\n\n" + INNER),
    chunked(body="0;a=b\n\r\n" + INNER),
    chunked(body="0\r\nTransfer-Encoding: chunked\r\n\r\n" + INNER),
    chunked(body="0\r\nAuthorization: Bearer x\r\n\r\n" + INNER),
    chunked(body="0 \r\n\r\n" + INNER),
    chunked(body="-1\r\n\r\n" + INNER),
    chunked(body="0x0\r\n\r\n" + INNER),
    chunked(body="10000000000000000\r\n\r\n" + INNER),
    chunked(body="1\r\naXX0\r\n\r\n" + INNER),
    chunked(body=f"{len(INNER):x}\r\n{INNER}\r\n0\r\n\r\n"),
    chunked(f"Content_Length: {len(INNER)}", body=f"{len(INNER):x}\r\n{INNER}\r\n0\r\n\r\n"),
    head("/totals", LENGTH) + INNER,
    head("/totals", LENGTH, method="HEAD") + INNER,
    head("/totals", LENGTH, "Expect: 100-continue") + INNER,
    head("/totals", LENGTH, "Expect: 200-maybe") + INNER,
    head("/totals", "Connection: close") + INNER,
    head("/totals", "Connection: Content-Length", LENGTH) + INNER,
    head("/totals", "Connection: Transfer-Encoding", "Transfer-Encoding: chunked") +
    f"{len(INNER):x}\r\n{INNER}\r\n0\r\n\r\n",
    head("/totals", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
         "Connection: Upgrade, HTTP2-Settings") + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    head("/totals", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") + INNER,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    head("inner:80", method="CONNECT") + INNER,
    head("/totals", version="HTTP/1.0") + INNER,
    head("/totals", "Connection: keep-alive", version="HTTP/1.0") + INNER,
    "GET /totals\r\n" + INNER,
    head("/totals") + head("/orders") + head("/totals/2"),
    head("/totals/interim") + head("/totals/3"),
    head("/totals/cut") + head("/totals/4"),
    head("/totals", "X-Big: " + "a" * 70000) + INNER,
    head("/totals", *[f"X-{i}: 1" for i in range(300)]) + INNER,
    head("/totals?" + "a" * 20000) + INNER,
]

# Other ways to say /orders, and hosts and methods that are not what they seem.
TARGETS = [
    head(t) for t in (
        "/totals/../orders", "/totals/%2e%2e/orders", "/totals/..%2forders", "/totals%2f..%2forders",
        "/%6frders", "/%6Frders", "//orders", "/totals//../orders", "/./orders", "/totals;/../orders",
        "/totals/..;/orders", "/totals/%252e%252e/orders", "/totals%00/../orders", "/totals\\..\\orders",
        "/totals%5c..%5corders", "/totals#/../orders", "/totals?a#/orders", "/totals /orders",
        "http://a/orders", "http://b/totals", "HTTP://A/%6frders", "https://a/orders",
        "http://a@b/totals", "http://a/../orders", "ftp://a/orders", "orders", "*", "/totals/\xe9",
        "/totals/%c0%ae%c0%ae/orders", "/totals/%ff", "/totals/%", "/totals/%zz", "/totals?%zz=1",
        "/orders?/totals", "/totals%3f/../orders", "/ORDERS", "/orders/", "/totals/.", "/totals/..")
] + [
    head("/totals", host="Host: a\r\nHost: b\r\n"), head("/totals", host=""),
    head("/totals", host="Host: a b\r\n"), head("/totals", host="Host: a/orders\r\n"),
    head("/totals", host="Host: a:99999\r\n"), head("/totals", host="Host:\r\n"),
    head("/totals", method="get"), head("/totals", method="G\tET"),
    head("/totals", method="DELETE"), head("/totals", "X-HTTP-Method-Override: DELETE"),
    head("/totals", "X-Original-URL: /orders", "X-Rewrite-URL: /orders"),
    head("/totals", "Authorization: Bearer x"), head("/totals", "X-Outrider-Purpose: a",
                                                     "X-Outrider-Purpose: b"),
]


def say(gate, data):
    """Sends bytes, ends the sending side, reads to the end. Returns what came."""
    host, port = gate.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as s:
        got = b""
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while piece := s.recv(65536):
                got += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return got


def seen_at(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f]


def field(line, name):
    return next((v for k, v in line["fields"] if k == name), "")


def check_decided(w, seen):
    """Each line of the workload against its record. Returns the records."""
    w.shipped()
    rows = [r["record"] for r in w.audit("kind=access decision=allow | limit 5000")]
    spans = {(r["trace_id"], r["span_id"]): r for r in rows}
    done = set()
    for line in seen:
        check("yes" not in field(line, "x-smuggled"), f"smuggled: {line}")
        parts = field(line, "traceparent").split("-")
        check(len(parts) == 4, f"not through the gate: {line}")
        key = (parts[1], parts[2])
        check(key in spans, f"not decided: {line}")
        check(key not in done, f"one decision, two requests: {line}")
        done.add(key)
        record = spans[key]
        check(record["request.method"] == line["method"], (line, record))
        check(record["request.path"] == line["target"].split("?")[0], (line, record))
        check(record["port"] == "totals", (line, record))
        check(record.get("request.host", "") in (field(line, "host"), ""), (line, record))
    return rows


def attack(w, seen_path):
    token = w.token("bob", clearance=1)
    answers = {}
    for data in FRAMING + TARGETS:
        answers[data] = say(w.gate, data.replace("TOKEN", token).encode("latin-1"))
        check(answers[data], f"no answer at all to {data[:200]!r}")
    # The gate still serves, and what went wrong on those connections stayed on them.
    check(w.get("/totals/last", token).status == 200, "the gate is gone")
    seen = wait_for("the workload", lambda: [
        s for s in [seen_at(seen_path)] if s and s[-1]["target"] == "/totals/last"])[0]
    rows = check_decided(w, seen)
    check(len(seen) >= 10, f"hardly anything passed: {seen}")
    # What was allowed and did not get there whole is said to have failed.
    spans = {field(s, "traceparent").split("-")[2] for s in seen}
    for r in rows:
        check(r["span_id"] in spans or r["reason"] in
              ("client_malformed", "client_gone", "upstream_failed", "upstream_malformed"), r)
    codes = sum(a.count(b"HTTP/1.1 200 OK\r\n") for a in answers.values()) + 1
    check(codes <= len(seen), f"{codes} answers of the workload, {len(seen)} requests there")
    print(f"     {len(answers)} attacks, {len(seen)} requests at the workload, each decided")


def what_reaches_a_python_workload_was_decided():
    with World() as w:
        w.up()
        os.environ["SEEN"] = w.path("seen.jsonl")
        w.run_orders(command=[sys.executable, RECORDER])
        attack(w, w.path("seen.jsonl"))


def what_reaches_nginx_was_decided():
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not nginx:
        print("     skipped: nginx is not installed")
        return
    with World() as w:
        w.up()
        with open(w.path("nginx.sh"), "w") as f:
            conf = NGINX.replace("{port}", "$PORT").replace("{dir}", w.dir)
            conf = conf.replace("{{", "{").replace("}}", "}")
            for name in ("$request_method", "$request_uri", "$http_"):
                conf = conf.replace(name, "\\" + name)
            f.write(f"cat >{w.dir}/nginx.conf <<END\n{conf}\nEND\nexec {nginx} -c "
                    f"{w.dir}/nginx.conf -e {w.dir}/error.log\n")
        with open(w.path("answer"), "w") as f:
            f.write("seen\n")
        w.run_orders(command=["/bin/sh", w.path("nginx.sh")])
        attack(w, w.path("seen.jsonl"))


def an_old_client_gets_the_last_byte_behind_the_record():
    """HTTP/1.0: the end of the connection is the end of the answer, so any byte may be the last."""
    with World() as w:
        w.up()
        os.environ["SEEN"] = w.path("seen.jsonl")
        w.run_orders(command=[sys.executable, RECORDER])
        token = w.token("bob", clearance=1)
        host, port = w.gate.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as s:
            s.sendall(f"GET /totals/trickle HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n"
                      .encode())
            got = b""
            while not got.endswith(b"012345678"):
                piece = s.recv(65536)
                check(piece, f"the connection ended: {got}")
                got += piece
                check(not got.endswith(b"9"), "the last byte came before the record")
            w.shipped()
            check(w.audit("port=totals") == [], "a record of an answer that goes on")
            open(w.path("seen.jsonl.go"), "w").close()
            while piece := s.recv(65536):
                got += piece
        check(got.endswith(b"\r\n\r\n0123456789"), got)
        w.shipped()
        record = w.audit("port=totals")[0]["record"]
        check(record["request.bytes_out"] == 10, record)


def leave(gate, data, how):
    """Sends a request and goes: at once, by a reset, or after the first byte of the answer."""
    host, port = gate.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as s:
        if how == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            s.sendall(data)
            if how == "first byte":
                s.recv(1)
        except (ConnectionResetError, BrokenPipeError):
            pass


def however_a_client_leaves_there_is_a_record():
    with World() as w:
        w.up()
        os.environ["SEEN"] = w.path("seen.jsonl")
        w.run_orders(command=[sys.executable, RECORDER])
        token = w.token("alice", clearance=2)
        n = 0
        for how in ("at once", "reset", "first byte"):
            for target in ("/totals", "/orders", "/totals/cut", "/orders/cut"):
                for version in ("HTTP/1.0", "HTTP/1.1"):
                    for method in ("GET", "HEAD"):
                        for times in (1, 3):
                            data = head(f"{target}?n={n}", method=method, version=version)
                            leave(w.gate, (data * times).replace("TOKEN", token).encode(), how)
                            n += 1
        check(w.get("/totals/last", token).status == 200, "the gate is gone")
        idle = lambda: w.agent_admin("/v1/status").json()["spool"]["pending"] == 0
        wait_for("the records", idle)

        def settled():
            # Each span is whole: complete, or a decision with its outcome.
            w.shipped()
            by_span = {}
            for row in w.audit("kind=access decision=allow | limit 5000"):
                r = row["record"]
                by_span.setdefault(r["span_id"], []).append(r["phase"])
            whole = all(sorted(p) in (["complete"], ["decision", "outcome"])
                        for p in by_span.values())
            # What a client that is gone asked for can still be under way.
            asked = {field(line, "traceparent").split("-")[2]
                     for line in seen_at(w.path("seen.jsonl"))}
            return by_span if whole and asked <= by_span.keys() else None

        by_span = wait_for("records of all that reached the workload", settled)
        seen = seen_at(w.path("seen.jsonl"))
        check(len(seen) >= n // 3, f"{len(seen)} of {n} reached the workload")
        for line in seen:
            span = field(line, "traceparent").split("-")[2]
            check(span in by_span, f"answered without a record: {line}")
        proof = w.cli("verify").out
        check("complete and unchanged" in proof, proof)
        print(f"     {n} clients left, {len(seen)} requests at the workload, "
              f"{len(by_span)} recorded")


if __name__ == "__main__":
    main(what_reaches_a_python_workload_was_decided, what_reaches_nginx_was_decided,
         an_old_client_gets_the_last_byte_behind_the_record,
         however_a_client_leaves_there_is_a_record)
