# SPDX-License-Identifier: Apache-2.0
"""No request that the gate decided on is seen differently by the back end: nginx and Node stand behind the
gate, thousands of malformed and ambiguous requests are sent to it, each back end writes down what it saw,
and the audit records are held against that: the same number, method, path, host and length of the body.

Requests: llhttp's own cases (../shared/corpora/http1, where it is there) and random ones, whose framing,
hosts, targets, fields and line ends are each drawn from what is known to be read in two ways.
OUTRIDER_SMUGGLING_CASES makes more of them, OUTRIDER_SMUGGLING_SEED others.
"""
import concurrent.futures
import json
import os
import random
import re
import shutil
import socket
import subprocess

import lone_agent
from ports import free_port
from world import ROOT, World, check, main, wait_for

CASES = int(os.environ.get("OUTRIDER_SMUGGLING_CASES", "600"))
SEED = int(os.environ.get("OUTRIDER_SMUGGLING_SEED", "1"))
CORPUS = os.path.join(ROOT, "../shared/corpora/http1/llhttp.json")
POLICY = '@id("everything") permit (principal, action, resource);\n'
ROUTES = """
customProperties:
  - property: outrider.routes
    value:
      - {path: /, port: totals, action: read}
"""
NODE = r"""
const http = require("http"), fs = require("fs");
const log = fs.openSync(process.argv[2], "a");
const note = o => fs.writeSync(log, JSON.stringify(o) + "\n");
const server = http.createServer((req, res) => {
    let n = 0, told = false;
    const tell = whole => {
        if (told) return;
        told = true;
        note({method: req.method, target: req.url, host: req.headers.host || "", length: n, whole,
              trace: (req.headers.traceparent || "").split("-")[1] || ""});
    };
    req.on("data", d => { n += d.length; });
    req.on("end", () => { tell(true); res.end("seen"); });
    req.on("close", () => tell(false));
    req.on("error", () => {});
});
server.on("checkContinue", (req, res) => { res.writeContinue(); server.emit("request", req, res); });
server.on("clientError", (e, s) => { s.destroy(); });
server.keepAliveTimeout = 0; server.requestTimeout = 0; server.headersTimeout = 0; server.timeout = 0;
server.maxHeadersCount = 0;
server.listen(+process.env.PORT, "127.0.0.1");
"""
NGINX = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    log_format seen escape=json '{{"method":"$request_method","target":"$request_uri","host":"$http_host",'
        '"body":"$request_body","status":$status,"traceparent":"$http_traceparent"}}';
    client_body_buffer_size 1m; client_body_in_single_buffer on; keepalive_requests 100000;
    server {{
        listen 127.0.0.1:PORT;
        merge_slashes off; ignore_invalid_headers off; underscores_in_headers on;
        access_log {log} seen;
        location / {{ proxy_pass http://127.0.0.1:{inner}; }}
    }}
    server {{ listen 127.0.0.1:{inner}; access_log off; location / {{ return 200 "seen"; }} }}
}}
"""


def nginx():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Backend:
    """The workload: `outrider run` starts it and tells it its port."""

    def __init__(self, w, kind):
        self.kind, self.log = kind, w.path(kind + ".log")
        folder = w.path(kind)
        os.makedirs(folder)
        open(self.log, "w").close()
        text = NODE if kind == "node" else NGINX.format(dir=folder, inner=free_port(), log=self.log)
        source = os.path.join(folder, "source")
        with open(source, "w") as f:
            f.write(text)
        if kind == "node":
            self.command = ["node", source, self.log]
        else:
            self.command = ["sh", "-c", 'sed "s/PORT/$PORT/" "$1" > "$1.conf" && exec "$2" -p "$3" -c "$1.conf"', "sh",
                            source, nginx(), folder]

    def seen(self):
        """{trace id: [(method, path, host, length or None where not whole)]}"""
        found = {}
        with open(self.log, encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                r = json.loads(line)
                if self.kind == "nginx":
                    # The log says it in JSON's words; 400 and its like are no request that it took.
                    trace = (r["traceparent"].split("-") + [""])[1]
                    length = len(r["body"].encode("latin-1", "surrogateescape")) if r["status"] == 200 else None
                else:
                    trace, length = r["trace"], r["length"] if r["whole"] else None
                found.setdefault(trace, []).append((r["method"], r["target"].split("?")[0], r["host"], length))
        return found


# ---- what is sent

def with_identity(raw, token):
    """Each request line gets a token, and a host where the message has none."""
    host = b"" if re.search(rb"(?im)^host[ \t]*:", raw) else b"Host: shop.example\r\n"
    fields = b"Authorization: Bearer " + token + b"\r\n" + host
    return re.sub(rb"(?m)^([A-Z!#$%&'*+.^_`|~-]+ [^\r\n]+ HTTP/1\.[01]\r?\n)", lambda m: m.group(1) + fields, raw)


def corpus(token):
    if not os.path.exists(CORPUS):
        print("the public corpus is not there: random requests alone")
        return
    with open(CORPUS) as f:
        for case in json.load(f)["cases"]:
            if case["kind"] == "request":
                yield with_identity(case["input"].encode("latin-1", "replace"), token)


class Maker:
    def __init__(self, seed, token):
        self.r = random.Random(seed)
        self.token = token
        self.oddity = 1  # how much rarer than usual what is odd is

    def some(self, *choices):
        return self.r.choice(choices)

    def rarely(self, value, otherwise=b"", one_in=4):
        return value if self.r.randrange(one_in * self.oddity) == 0 else otherwise

    def plain(self, n):
        return b"GET /smuggled-%d HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer %s\r\n\r\n" % (n, self.token)

    def target(self, n):
        return self.rarely(self.some(
            b"http://shop.example/a%d" % n, b"http://other.example/a%d" % n, b"HTTP://shop.example/a%d?q" % n,
            b"http://shop.example", b"http://a@shop.example/a%d" % n, b"//a%d" % n, b"/a/../a%d" % n, b"/%%2e%%2e/a%d" % n,
            b"/a%d/%%2f" % n, b"/a%d;p" % n, b"/a%d#f" % n, b"/a%d\x80" % n, b"/a%d HTTP/1.1" % n, b"*", b"a%d" % n,
            b"/a%d?x=%%0d%%0a" % n, b"/%%61%d" % n, b"/a%d%%" % n, b"/a%d\t" % n), b"/a%d" % n, 3)

    def hosts(self):
        return self.rarely(self.some(
            [], [b"Host: shop.example", b"Host: shop.example"], [b"Host: shop.example", b"Host: other.example"],
            [b"Host : shop.example"], [b" Host: other.example", b"Host: shop.example"], [b"Host: shop.example:80:80"],
            [b"Host: a@shop.example"], [b"Host: shop.example, other.example"], [b"Host:\tshop.example\t"],
            [b"Host:"], [b"host: shop.example"], [b"Host: shop.example\r\n other.example"], [b"Host: shop\x00.example"],
            [b"Host: shop.example/x"], [b"Host: [::1]:80"], [b"X: y\nHost: other.example", b"Host: shop.example"]),
            [b"Host: shop.example"], 4)

    def coding(self):
        return self.rarely(self.some(
            b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked\x0b",
            b"Transfer-Encoding: \x00chunked", b"Transfer-Encoding : chunked", b" Transfer-Encoding: chunked",
            b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding:",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer_Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Transfer-Encoding: \"chunked\"",
            b"X: y\rTransfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: ,chunked", b"Transfer-encoding: chunked "),
            b"Transfer-Encoding: chunked", 2)

    def length(self, n):
        return self.rarely(self.some(
            b"Content-Length: %d" % (n + 3), b"Content-Length: %d" % max(0, n - 3), b"Content-Length: +%d" % n,
            b"Content-Length: 0x%x" % n, b"Content-Length: %d, %d" % (n, n), b"Content-Length: %d\r\nContent-Length: %d" % (n, n),
            b"Content-Length: %d\r\nContent-Length: 0" % n, b"Content-Length: 0\r\nContent-Length: %d" % n,
            b"Content-Length : %d" % n, b"Content-Length:\t%d " % n, b"Content-Length: 0%d" % n, b"Content-Length: -%d" % n,
            b"Content-Length: %d\r\n %d" % (n, n), b"Content-Length: 18446744073709551616", b"Content-Length:",
            b"Content_Length: %d" % n, b"Content-Length: %d\x00" % n, b"X: y\nContent-Length: %d" % n,
            b"Content-Length: 1e1", b"Content-Length: %d." % n), b"Content-Length: %d" % n, 2)

    def chunk(self, data):
        size = self.rarely(self.some(
            b"0x%x" % len(data), b"+%x" % len(data), b" %x" % len(data), b"%x " % len(data), b"000%x" % len(data),
            b"%X" % len(data), b"%x;a=b" % len(data), b"%x;a=\"b;\r\"" % len(data), b"%x;a\nb" % len(data),
            b"%x; a" % len(data), b"%x;\x00" % len(data), b"%x;" % len(data) + b"a" * 5000, b"ffffffffffffffff%x" % len(data),
            b"%x" % (len(data) + 2), b"-%x" % len(data), b"%x_" % len(data), b"%xg" % len(data)), b"%x" % len(data))
        return size + self.rarely(b"\n", b"\r\n", 12) + data + self.rarely(self.some(b"\n", b"", b"\r", b"xx"), b"\r\n", 12)

    def chunked(self, data):
        cut = self.r.randrange(len(data) + 1) if data else 0
        parts = b"".join(self.chunk(p) for p in (data[:cut], data[cut:]) if p)
        end = self.rarely(self.some(b"00\r\n", b"0;a=b\r\n", b"0\n", b"0 \r\n"), b"0\r\n")
        trailers = self.rarely(self.some(b"X-T: 1\r\n", b"Content-Length: 5\r\n", b"Host: other.example\r\n", b"bad\r\n",
                                         b"Transfer-Encoding: chunked\r\n", b" fold\r\n", b"X-T: 1\n"))
        return parts + end + trailers + self.rarely(b"\n", b"\r\n", 12)

    def junk(self):
        return [self.rarely(self.some(
            b"X-A: 1\r\n folded", b": no name", b"X A: 1", b"X-A : 1", b"X-A: a\x00b", b"X-A: \x80\xff", b"X-A: a\rb",
            b"Connection: close", b"Connection: Content-Length", b"Connection: Transfer-Encoding, Host", b"no colon",
            b"Connection: keep-alive, Authorization", b"Expect: 100-continue", b"Expect: 200-ok", b"Upgrade: websocket",
            b"TE: trailers, chunked", b"X-Forwarded-Host: other.example", b"Keep-Alive: timeout=1", b"X-HTTP-Method: DELETE",
            b"X-Original-URL: /other", b"Proxy-Connection: close", b"X-A: " + b"a" * 3000, b"\tX-A: 1", b"(X): 1"), None)
            for _ in range(2)]

    def request(self, n):
        self.oddity = self.some(1, 2, 4, 8)
        body = self.some(b"", b"hello", self.plain(n), b"0\r\n\r\n" + self.plain(n), b"x" * 2000)
        method = self.some(b"GET", b"POST", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"post", b"GET\t")
        version = self.rarely(self.some(b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/01.1"),
                              b"HTTP/1.1", 8)
        framing, sent = self.some(*([("length",)] * 3), *([("coding",)] * 3), ("coding", "length"), ("length", "coding"),
                                  ()), body
        fields = self.hosts() + [b"Authorization: Bearer " + self.token]
        fields += [self.coding() if f == "coding" else self.length(len(body)) for f in framing]
        if "coding" in framing:
            sent = self.chunked(body)
        fields += [j for j in self.junk() if j]
        if self.r.randrange(3) == 0:
            self.r.shuffle(fields)
        end = self.rarely(self.some(b"\n", b"\r", b"\r\r\n"), b"\r\n", 16)
        space = self.rarely(self.some(b"  ", b"\t", b"\x0b"), b" ", 16)
        head = end.join([method + space + self.target(n) + space + version, *fields]) + end + end
        return self.rarely(self.some(b"\r\n", b"\n", b"\r\n\r\n", b" "), b"", 12) + head + sent + \
            self.rarely(self.plain(n), b"", 3)


def send(address, raw):
    """Everything, in one or two pieces, and the end; then whatever is answered is read."""
    host, port = address.rsplit(":", 1)
    cut = len(raw) // 2 if len(raw) % 3 == 0 else len(raw)
    try:
        with socket.create_connection((host, int(port)), 60) as s:
            s.sendall(raw[:cut])
            if cut < len(raw):
                s.sendall(raw[cut:])
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := s.recv(65536):
                answer += piece
            return answer
    except ConnectionError:
        return b""


# ---- what is compared

def compare(records, backend):
    seen = backend.seen()
    forwarded = unseen = 0
    # Every request of the gate carries its trace; only whoever waited for the workload's start has none.
    strange = [r for r in seen.pop("", []) if r[:2] != ("GET", "/health")]
    # nginx writes down a request line that it refuses (a method in small letters) without a word of it.
    blank = strange.count(("", "", "", None))
    check(blank == len(strange), f"{backend.kind} saw what the gate did not send: {strange}")
    for r in records:
        mine = (r["request.method"], r["request.path"], r.get("request.host", ""))
        there = seen.pop(r["trace_id"], [])
        unseen += not there
        what = f"{backend.kind}: the gate decided on {mine}, {r['reason']}, {r.get('request.bytes_in', 0)} bytes; " \
            f"there: {there}"
        check(len(there) <= 1, what)
        if r["reason"] != "policy_permit":
            # The client broke off, or the back end refused: it may have seen the head, and no whole request.
            check(not there or (there[0][:3] == mine and there[0][3] is None), what)
            continue
        if r.get("request.status") != 200:
            check(not there or there[0][3] is None, what)
            continue
        check(there == [mine + (r.get("request.bytes_in", 0),)], what)
        forwarded += 1
    check(blank <= unseen, f"{backend.kind} refused {blank} requests, of {unseen} that it did not see")
    check(not seen, f"{backend.kind} saw what nobody decided on: {seen}")
    return forwarded


def records(w):
    w.shipped()
    # An upgrade has a record before it, too: the one that tells how it ended counts.
    found = [r["record"] for r in w.audit("front=proxy decision=allow phase!=decision since=1h | limit 100000")]
    check(len({r["trace_id"] for r in found}) == len(found), "two records of one trace")
    return found


def nothing_is_seen_differently(kind):
    with World() as w:
        backend = Backend(w, kind)
        descriptor = lone_agent.product(w, POLICY)
        with open(descriptor) as f:
            text = f.read()
        with open(descriptor, "w") as f:
            f.write(text[:text.index("customProperties:")] + ROUTES)
        w.bundle(1, product=descriptor)
        w.up()
        w.run_orders(product=descriptor, command=backend.command)
        token = w.token("alice", clearance=2).encode()
        maker = Maker(SEED, token)
        sent = [*corpus(token), *(maker.request(n) for n in range(CASES))]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda raw: send(w.gate, raw), sent))
        allowed = records(w)
        # The back end writes down what it saw when a request is over; the gate's records are there.
        done = {r["trace_id"] for r in allowed if r.get("request.status") == 200 and r["reason"] == "policy_permit"}
        wait_for("the back end's log", lambda: done <= set(backend.seen()))
        forwarded = compare(allowed, backend)
        refused = sum(a.startswith(b"HTTP/1.1 400") for a in answers)
        print(f"{kind}: {len(sent)} connections, {forwarded} requests seen alike, {refused} refused at once")
        check(forwarded > len(sent) / 10 and refused > len(sent) / 10, "hardly anything was tried")


def nothing_is_seen_differently_by_nginx():
    if not nginx():
        print("skipped: no nginx here (package nginx-light)")
        return
    nothing_is_seen_differently("nginx")


def nothing_is_seen_differently_by_node():
    if not shutil.which("node"):
        print("skipped: no Node here")
        return
    nothing_is_seen_differently("node")


main(nothing_is_seen_differently_by_nginx, nothing_is_seen_differently_by_node)
