# SPDX-License-Identifier: Apache-2.0
"""Masks from policy to the client: what a permit's @mask says is done to the answer as it streams,
the record names it, and an answer that cannot be masked is never passed."""
import csv
import gzip
import http.client
import io
import json
import os
import shutil
import sys
import textwrap

from world import ORDERS, World, check, check_has, main

POLICY = '''
@id("analysts-read-masked")
@mask("customer_email:email, customer.phone:last-4, card:redact, born:date-year, name:hash")
permit (principal in Group::"https://issuer.example#analysts", action, resource);
'''

APP = '''
import gzip, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROWS = [{"id": i, "customer_email": f"user{i}@example.com", "customer": {"phone": f"+31 6 1234 {i:04}", "vip": i % 2 == 0},
         "card": f"4111-{i:04}", "born": "1980-05-%02d" % (i % 28 + 1), "name": f"N {i % 3}", "note": "customer_email", "price": 12.50}
        for i in range(int(os.environ.get("ROWS", "50")))]
CSV = "id,customer_email,customer.phone,card,born,name,note\\r\\n" + "".join(
    f'{r["id"]},{r["customer_email"]},{r["customer"]["phone"]},{r["card"]},{r["born"]},{r["name"]},"a ""note"", quoted"\\r\\n' for r in ROWS)
BODIES = {
    "json": ("application/json", json.dumps({"rows": ROWS, "total": 10 ** 30})),
    "ndjson": ("application/x-ndjson", "".join(json.dumps(r) + "\\n" for r in ROWS)),
    "csv": ("text/csv", CSV),
    "html": ("text/html", "<p>user1@example.com</p>"),
    "twice": ("application/json", '[{"card":"1","card":"2"}]'),
    "late": ("application/json", "[" + '{"card":"12345678"},' * 100000 + '{"a":1,"a":2}]'),
    "row": ("text/csv", "id,card\\n1,2\\n1,2,3\\n"),
    "empty": ("text/plain", ""),
}

class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/health":
            kind, body, coding = "text/plain", b"ok", None
        else:
            name, _, coding = self.path.split("/")[-1].partition(".")
            kind, body = BODIES[name]
            body = body.encode()
            wants = self.headers.get("Accept-Encoding", "")
            if coding == "gz" or (coding == "auto" and "gzip" in wants):
                body, coding = gzip.compress(body), "gzip"
            elif coding == "br":
                coding = "br"
            else:
                coding = None
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"v1"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Repr-Digest", "sha-256=:AAAA:")
        self.send_header("X-Saw", json.dumps([self.headers.get(n) for n in ("Accept-Encoding", "Range", "If-None-Match")]))
        if coding:
            self.send_header("Content-Encoding", coding)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
'''


def product(w, policy):
    directory = w.path("masked")
    shutil.copytree(ORDERS, directory)
    shutil.rmtree(os.path.join(directory, "policy"))
    os.makedirs(os.path.join(directory, "policy"))
    with open(os.path.join(directory, "policy", "masks.cedar"), "w") as f:
        f.write(policy)
    with open(w.path("app.py"), "w") as f:
        f.write(textwrap.dedent(APP))
    return os.path.join(directory, "dataproduct.yaml")


def fetch(w, name, token, **headers):
    """(status, headers, bytes); bytes None where the answer was cut."""
    host, port = w.gate.rsplit(":", 1)
    c = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        c.request("GET", f"/orders/{name}", headers={"Authorization": "Bearer " + token, **headers})
        r = c.getresponse()
        try:
            return r.status, r.headers, r.read()
        except (http.client.IncompleteRead, ConnectionError):
            return r.status, r.headers, None
    finally:
        c.close()


def check_row(row, i, phone):
    check(row["customer_email"] == "x@example.com", f"email: {row}")
    check(phone.endswith(f"{i:04}") and set(phone[:-4]) == {"x"}, f"phone: {row}")
    check(row["card"] == f"0000-0000", f"card: {row}")
    check(row["born"] == "1980-01-01", f"born: {row}")
    check(len(row["name"]) == 64, f"name: {row}")


def check_same_hashes(rows):
    check(rows[0]["name"] == rows[3]["name"] != rows[1]["name"], "equal names have equal hashes")


def formats(w, token):
    status, headers, body = fetch(w, "json", token)
    check(status == 200, f"json: {status} {body}")
    answer = json.loads(body)
    check(answer["total"] == 10 ** 30 and len(answer["rows"]) == 50, f"json: {body[:200]}")
    for i, row in enumerate(answer["rows"]):
        check_row(row, i, row["customer"]["phone"])
        check(row["note"] == "customer_email" and row["price"] == 12.5, f"not masked: {row}")
    check_same_hashes(answer["rows"])
    for gone in ("ETag", "Accept-Ranges", "Repr-Digest", "Content-Length"):
        check(gone not in headers, f"{gone} passed with other bytes")

    status, _, body = fetch(w, "ndjson", token)
    rows = [json.loads(line) for line in body.splitlines()]
    check(status == 200 and len(rows) == 50, f"ndjson: {body[:200]}")
    for i, row in enumerate(rows):
        check_row(row, i, row["customer"]["phone"])

    status, _, body = fetch(w, "csv", token)
    table = list(csv.DictReader(io.StringIO(body.decode())))
    check(status == 200 and len(table) == 50, f"csv: {body[:200]}")
    for i, row in enumerate(table):
        check_row(row, i, row["customer.phone"])
        check(row["note"] == 'a "note", quoted', f"csv: {row}")
    check(table[0]["name"] == rows[0]["name"], "hashes join across formats")


def codings(w, token):
    plain = fetch(w, "json", token)[2]
    status, headers, body = fetch(w, "json.auto", token, **{"Accept-Encoding": "br, gzip", "Range": "bytes=0-3",
                                                            "If-None-Match": '"v1"'})
    check(json.loads(headers["X-Saw"]) == ["gzip, identity", None, None], f"the app was asked: {headers['X-Saw']}")
    check(status == 200 and headers["Content-Encoding"] == "gzip" and gzip.decompress(body) == plain, "gzip")
    status, headers, body = fetch(w, "json.auto", token)
    check(json.loads(headers["X-Saw"])[0] == "identity" and body == plain, f"no coding asked for: {headers}")
    status, headers, body = fetch(w, "json.gz", token)
    check(headers["Content-Encoding"] == "gzip" and gzip.decompress(body) == plain, "gzip unasked")


def refusals(w, token):
    for name in ("html", "twice", "row", "json.br"):
        status, _, body = fetch(w, name, token)
        check(status == 502 and b"example.com" not in body, f"{name}: {status} {body}")
    status, _, body = fetch(w, "late", token)
    check(status == 200 and body is None, f"late: {status}")
    status, _, body = fetch(w, "empty", token)
    check(status == 200 and body == b"", f"empty: {status} {body}")


def records(w):
    w.shipped()
    owed = ["mask:born:date-year", "mask:card:redact", "mask:customer.phone:last-4", "mask:customer_email:email",
            "mask:name:hash"]
    rows = w.audit("request.path=/orders/json phase=decision")
    check(rows and all(r["record"]["obligations"] == owed for r in rows), f"records: {rows[:1]}")
    why = w.cli("why", rows[0]["id"])
    for mask in owed:
        check_has(why.out, mask)
    wanted = {"html": "mask_type", "twice": "mask_duplicate_key", "row": "mask_malformed", "json.br": "mask_coding",
              "late": "mask_duplicate_key"}
    for name, reason in wanted.items():
        rows = w.audit(f"request.path=/orders/{name} phase=outcome")
        check(len(rows) == 1 and rows[0]["record"]["reason"] == reason, f"{name}: {rows}")


def masks_are_carried_out():
    with World() as w:
        w.up()
        descriptor = product(w, POLICY)
        w.bundle(1, product=descriptor)
        w.run_orders(product=descriptor, command=[sys.executable, w.path("app.py")])
        token = w.token("alice", clearance=2)
        formats(w, token)
        codings(w, token)
        refusals(w, token)
        records(w)


if __name__ == "__main__":
    main(masks_are_carried_out)
