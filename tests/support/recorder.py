# SPDX-License-Identifier: Apache-2.0
"""A workload that writes down each request as it understood it: one JSON line in the file $SEEN.

It takes whatever Python's http.server takes, with connections that stay open, so that bytes which
the gate took for content and it takes for a request show as a line of their own.
"""
import http.server
import json
import os
import select


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def content(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while True:
                line = self.rfile.readline()
                if not line:
                    raise ConnectionError("the content ends too early")
                size = int(line.split(b";")[0], 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return body
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionError("the content ends too early")
        return body

    def any(self):
        try:
            body = self.content()
        except ConnectionError:
            self.close_connection = True
            return
        if self.path != "/health":
            line = json.dumps({"method": self.command, "target": self.path, "body": len(body),
                               "fields": [[k.lower(), v] for k, v in self.headers.items()]})
            with open(os.environ["SEEN"], "a") as f:
                f.write(line + "\n")
        answer = b"seen\n"
        if "/cut" in self.path:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
            self.close_connection = True
            return
        if "/trickle" in self.path:
            # The answer's bytes now; that it is over, only once the file $SEEN.go is there.
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n")
            while not os.path.exists(os.environ["SEEN"] + ".go"):
                select.select([], [], [], 0.01)
            self.wfile.write(b"0\r\n\r\n")
            return
        if "/interim" in self.path:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.any
        raise AttributeError(name)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
