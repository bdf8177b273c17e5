#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pager in small: takes Alertmanager's webhook (version 4) on 127.0.0.1 and prints a line for each
alert of each notice, as a chat or a pager would show it. Python's standard library only.

    examples/pager.py [PORT]     9095 by default; 0 takes a free one and says which
"""
import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

BODY_MAX = 1 << 20


class Pager(BaseHTTPRequestHandler):
    def answer(self, status, text):
        body = text.encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_MAX:
            self.answer(413, f"a notice of at most {BODY_MAX} bytes, with its Content-Length")
            return
        try:
            notice = json.loads(self.rfile.read(int(length)))
            if notice["version"] != "4":
                raise ValueError("the version is not 4")
            lines = [f'{alert["status"].upper()} {alert["labels"]["alertname"]}: '
                     f'{alert["annotations"].get("summary", alert["labels"])}'
                     for alert in notice["alerts"]]
        except (ValueError, KeyError, TypeError) as e:
            self.answer(400, f"no notice of Alertmanager's webhook, version 4: {e}")
            return
        print("\n".join(lines), flush=True)
        self.answer(200, "well")

    def log_message(self, *_):
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9095), Pager)
    print(f"waits for notices on http://127.0.0.1:{server.server_address[1]}/alerts", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
