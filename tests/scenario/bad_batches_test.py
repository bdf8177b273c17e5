#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a hostile or broken sender can do to a collector: mutated batches, frames and queries, bodies
that strangers promise, many connections that say nothing. Each gets a clear error or none, nothing
is stored of it, memory stays where it was, and others are served. OUTRIDER_MUTATIONS and
OUTRIDER_IDLE_CONNECTIONS say how many (400 and 200; 10,000 and 2,000 by hand)."""
import base64
import http.client
import json
import os
import random
import socket
import urllib.parse

from world import World, check, check_has, main, wait_for

MUTATIONS = int(os.environ.get("OUTRIDER_MUTATIONS", "400"))
IDLE = int(os.environ.get("OUTRIDER_IDLE_CONNECTIONS", "200"))
GROWTH_MIB = 64
QUERIES = ["decision=deny since=24h | count by resource.id | top 10", "principal.id=alice",
           'action in (read, write) request.path~"^/o" | fields time, id',
           "peer=cidr(10.0.0.0/8) or not (kind=admin) | sort -time | limit 5"]


class Api:
    def __init__(self, w):
        self.address = w.collector_listen
        with open(os.path.join(w.state, "collector/admin.token"), encoding="utf-8") as f:
            self.token = f.read().strip()
        self.pid = w.endpoint("collector")["pid"]
        self.connection = None

    def ask(self, method, path, body=None, headers=None):
        """(status, body); a connection is used until its other end closes it."""
        for attempt in range(2):
            if not self.connection:
                self.connection = http.client.HTTPConnection(self.address, timeout=60)
            try:
                self.connection.request(method, path, body, headers or {})
                r = self.connection.getresponse()
                return r.status, r.read()
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = None
                if attempt:
                    raise

    def get(self, path):
        return self.ask("GET", path, headers={"Authorization": f"Bearer {self.token}"})

    def ingest(self, frame, batch):
        return self.ask("POST", "/v1/ingest/outrider.audit", batch,
                        {"Outrider-Frame": base64.b64encode(frame).decode()})

    def resident_mib(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as f:
            return next(int(l.split()[1]) for l in f if l.startswith("VmRSS:")) / 1024


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def put_varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def leaves(api, shard):
    """(type, content) of each leaf in the first bundle of a shard."""
    status, body = api.get("/v1/shards")
    check(status == 200, body)
    size = json.loads(body)["shards"][shard]["size"]
    width = f".p/{size}" if size < 256 else ""
    status, body = api.get(f"/v1/log/{shard}/tile/entries/000{width}")
    check(status == 200, body)
    at = 0
    while at < len(body):
        n = int.from_bytes(body[at:at + 2], "big")
        leaf, at = body[at + 2:at + 2 + n], at + 2 + n
        tag, start = varint(leaf, 0)
        length, start = varint(leaf, start)
        yield tag >> 3, leaf[start:start + length]


def batches(api):
    """(frame, batch) of what was stored, as it was sent."""
    found = []
    for kind, content in leaves(api, 0):
        if kind == 2:
            found.append([content, b""])
        elif kind == 1:
            found[-1][1] += b"\x0a" + put_varint(len(content)) + content
    return found


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 3, 20))):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(4)
        if what == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 100)))
        elif what == 2:
            del data[at:at + rng.choice((1, 2, 100))]
        elif data:
            data[at:at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x80" * 10))
    return bytes(data)


def started(w):
    w.up()
    w.run_orders()
    token = w.token("alice", clearance=2)
    for _ in range(5):
        check(w.get("/orders?limit=1", token).status == 200, "a request")
    w.shipped()
    return Api(w)


def size_of(api):
    return sum(s["size"] for s in json.loads(api.get("/v1/shards")[1])["shards"])


def refusals_are_clear(w, api, rng):
    known = [b for b in batches(api) if b[1]]
    taken = 0
    for frame, batch in known:
        status, body = api.ingest(frame, batch)
        taken += status == 200 and json.loads(body)["stored"] == 0
    check(taken > 0, f"none of {len(known)} stored batches is known again")
    before, size = api.resident_mib(), size_of(api)
    for i in range(MUTATIONS):
        frame, batch = rng.choice(known)
        if i % 2:
            frame = mutate(rng, frame)
        if i % 4 != 1:
            batch = mutate(rng, batch)
        status, body = api.ingest(frame, batch)
        said = json.loads(body)
        if status == 200:  # what was mutated did not change what is stored
            check(said["stored"] == 0 and said["conflicts"] == 0, said)
        else:
            check(status in (400, 403), (status, said))
            check(said["error"] and said["message"], said)
    check(size_of(api) == size, "something of it was stored")
    check(api.resident_mib() < before + GROWTH_MIB, f"{before} MiB grew to {api.resident_mib()}")
    check_has(w.cli("verify").out, "complete and unchanged")


def queries_are_answered(api, rng):
    before = api.resident_mib()
    statuses = {}
    for _ in range(MUTATIONS):
        text = mutate(rng, rng.choice(QUERIES).encode())
        status, body = api.get("/v1/audit?q=" + urllib.parse.quote(text, safe=""))
        statuses[status] = statuses.get(status, 0) + 1
        check(status in (200, 400), (status, text, body[:200]))
        if status == 400:
            check(json.loads(body)["message"], body)
    check(statuses.get(400, 0) > MUTATIONS // 4, statuses)
    check(api.resident_mib() < before + GROWTH_MIB, f"{before} MiB grew to {api.resident_mib()}")


def mutations_are_refused():
    rng = random.Random(4711)
    with World() as w:
        api = started(w)
        refusals_are_clear(w, api, rng)
        queries_are_answered(api, rng)


def a_stranger_is_refused_before_the_body():
    """No byte of the body is sent: the answer is to the head alone."""
    with World() as w:
        api = started(w)
        frame, _ = next(b for b in batches(api) if b[1])
        wrong = bytearray(frame)
        wrong[-1] ^= 1
        host, port = api.address.rsplit(":", 1)
        for how in ("Content-Length: 8000000", "Transfer-Encoding: chunked"):
            for field in ("AAAA", "!", base64.b64encode(wrong).decode()):
                with socket.create_connection((host, int(port)), timeout=60) as s:
                    s.sendall(f"POST /v1/ingest/outrider.audit HTTP/1.1\r\nHost: x\r\n{how}\r\n"
                              f"Outrider-Frame: {field}\r\n\r\n".encode())
                    head = s.recv(4096)
                    check(head[9:12] in (b"400", b"403"), (how, head))


def those_who_say_nothing_hold_nobody_up():
    with World() as w:
        api = started(w)
        before = api.resident_mib()
        host, port = api.address.rsplit(":", 1)
        idle = []
        try:
            for i in range(IDLE):
                s = socket.create_connection((host, int(port)), timeout=60)
                idle.append(s)
                if i % 2:
                    s.sendall(b"POST /v1/ingest/outrider.audit HTTP/1.1\r\nHost: x\r\nOutr")
            api.connection = None
            for _ in range(20):
                status, body = api.get("/v1/audit?q=kind%3Daccess")
                check(status == 200, (status, body))
            token = w.token("alice", clearance=2)
            rows = len(w.audit("kind=access"))
            check(w.get("/orders?limit=1", token).status == 200, "a request")
            wait_for("the record of it", lambda: len(w.audit("kind=access")) > rows)
            check(api.resident_mib() < before + GROWTH_MIB, (before, api.resident_mib()))
        finally:
            for s in idle:
                s.close()


if __name__ == "__main__":
    main(mutations_are_refused, a_stranger_is_refused_before_the_body,
         those_who_say_nothing_hold_nobody_up)
