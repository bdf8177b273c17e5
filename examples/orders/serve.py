#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The serving process of the data product "orders": HTTP, JSON, Python's standard library.

It listens on 127.0.0.1:$PORT and does not know who asks or whether they may: that is decided in
front of it. Each request is one JSON line on stdout.

    GET /orders?status=&country=&channel=&since=&limit=    GET /orders/<id>
    POST /orders                                           DELETE /orders/<id>
    GET /totals                                            GET /health
"""
import json
import os
import signal
import sys
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

BODY_MAX = 64 * 1024
FIELDS = ("status", "channel", "country", "customer_id", "currency", "total_cents", "items")


class Orders:
    """The rows, kept in memory: what is written is gone after a restart."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.rows = {row["order_id"]: row for row in json.load(f)}
        self.lock = threading.Lock()

    def find(self, query):
        limit = int(query.get("limit", ["100"])[0])
        with self.lock:
            rows = list(self.rows.values())
        for key in ("status", "country", "channel", "customer_id"):
            if key in query:
                rows = [row for row in rows if row[key] in query[key]]
        if "since" in query:
            rows = [row for row in rows if row["placed_at"] >= query["since"][0]]
        return rows[: max(0, min(limit, 1000))]

    def get(self, order_id):
        with self.lock:
            return self.rows.get(order_id)

    def add(self, order):
        missing = [name for name in FIELDS if name not in order]
        if missing:
            raise ValueError("missing: " + ", ".join(missing))
        if not isinstance(order["total_cents"], int):
            raise ValueError("total_cents: expected an integer")
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self.lock:
            number = 1 + max((int(i[2:]) for i in self.rows), default=1000)
            row = {"order_id": f"o-{number}", "placed_at": now}
            row.update({name: order[name] for name in FIELDS})
            row["customer_email"] = order.get("customer_email")
            row["shipping_city"] = order.get("shipping_city")
            self.rows[row["order_id"]] = row
        return row

    def remove(self, order_id):
        with self.lock:
            return self.rows.pop(order_id, None)

    def totals(self):
        sums = {}
        with self.lock:
            for row in self.rows.values():
                entry = sums.setdefault((row["placed_at"][:7], row["country"]), [0, 0])
                entry[0] += 1
                entry[1] += row["total_cents"]
        return [
            {"month": month, "country": country, "orders": n, "revenue_cents": cents}
            for (month, country), (n, cents) in sorted(sums.items())
        ]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "orders"
    sys_version = ""
    timeout = 60
    # one write per answer, and no waiting for the peer's acknowledgement
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value, ensure_ascii=False).encode() + b"\n"
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def problem(self, status, text):
        self.answer(status, {"error": text})

    def read_body(self):
        """The request's body; None (and an answer) where it cannot be taken."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.read_chunks()
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            self.problem(411, "a Content-Length is needed")
            return None
        if int(length) > BODY_MAX:
            self.close_connection = True
            self.problem(413, "too large")
            return None
        return self.rfile.read(int(length))

    def read_chunks(self):
        body = b""
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                size = -1
            if size < 0 or len(body) + size > BODY_MAX:
                self.close_connection = True
                self.problem(413 if size > 0 else 400, "bad or too large a body")
                return None
            body += self.rfile.read(size)
            if size == 0:
                while self.rfile.readline(1024) not in (b"\r\n", b"\n", b""):
                    pass
                return body
            self.rfile.readline(4)

    def do_GET(self):
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.split("/")[1:]]
        orders = self.server.orders
        try:
            if parts == ["orders"]:
                self.answer(200, orders.find(parse_qs(url.query)))
            elif len(parts) == 2 and parts[0] == "orders":
                row = orders.get(parts[1])
                self.answer(200, row) if row else self.problem(404, "no such order")
            elif parts == ["totals"]:
                self.answer(200, orders.totals())
            elif parts == ["health"]:
                self.answer(200, {"status": "ok", "orders": len(orders.rows)})
            else:
                self.problem(404, "nothing here")
        except ValueError as e:
            self.problem(400, str(e))

    do_HEAD = do_GET

    def do_POST(self):
        body = self.read_body()
        if body is None:
            return
        if urlsplit(self.path).path != "/orders":
            self.problem(404, "nothing here")
            return
        try:
            order = json.loads(body)
            if not isinstance(order, dict):
                raise ValueError("expected an object")
            self.answer(201, self.server.orders.add(order))
        except ValueError as e:
            self.problem(400, str(e))

    def do_DELETE(self):
        parts = urlsplit(self.path).path.split("/")[1:]
        gone = len(parts) == 2 and parts[0] == "orders" and self.server.orders.remove(parts[1])
        self.answer(204) if gone else self.problem(404, "no such order")

    def log_request(self, code="-", size="-"):
        print(json.dumps({"time": datetime.now(timezone.utc).isoformat(), "method": self.command,
                          "path": self.path, "status": int(code)}), flush=True)

    def log_message(self, format, *args):
        print(json.dumps({"time": datetime.now(timezone.utc).isoformat(),
                          "message": format % args}), flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, orders):
        super().__init__(address, Handler)
        self.orders = orders


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    port = int(os.environ.get("PORT", "9000"))
    server = Server(("127.0.0.1", port), Orders(os.path.join(here, "data", "orders.json")))

    def stop(signum, frame):
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(json.dumps({"message": "serving", "port": server.server_address[1]}), flush=True)
    server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
