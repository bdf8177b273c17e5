# SPDX-License-Identifier: Apache-2.0
"""A real WebSocket server behind the gate and a real client before it (PyPI's websockets): the gate
decides on the upgrade, then carries messages of any size both ways until one side closes, and records
the decision at once and the bytes at the end. Who is denied gets no tunnel; a draining gate cuts it."""
import json
import os
import signal
import subprocess
import textwrap

from telemetry import clients_python
from world import World, check, check_has, main, wait_for

SERVER = '''
import os
from websockets.sync.server import serve

def echo(ws):
    for message in ws:
        ws.send(message)
        if message == "leave":
            return

def health(ws, request):
    return ws.respond(200, "ok\\n") if request.path == "/health" else None

serve(echo, "127.0.0.1", int(os.environ["PORT"]), process_request=health, max_size=None).serve_forever()
'''

CLIENT = '''
import json, sys
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

url, token, what = sys.argv[1:4]
said = {"what": what}
try:
    with connect(url, additional_headers={"Authorization": "Bearer " + token}, max_size=None, open_timeout=60,
                 compression=None) as ws:
        if what == "messages":
            for message in ("hello", "", "\\u00fc" * 1000, bytes(range(256)) * 16384):
                ws.send(message)
                said["same"] = said.get("same", True) and ws.recv(timeout=60) == message
            ws.ping().wait(60)
        elif what == "leave":
            ws.send("leave")
            ws.recv(timeout=60)
            try:
                ws.recv(timeout=60)
            except ConnectionClosed as e:
                said["code"] = e.rcvd.code
        else:
            print("open", flush=True)
            try:
                ws.recv(timeout=60)
            except ConnectionClosed as e:
                said["cut"] = e.rcvd is None
except InvalidStatus as e:
    said["status"] = e.response.status_code
print(json.dumps(said), flush=True)
'''


def client(w, python, token, what, path="/totals/live"):
    return subprocess.Popen([python, w.path("client.py"), f"ws://{w.gate}{path}", token, what], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def result(process):
    out, _ = process.communicate(timeout=120)
    try:
        return json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        raise AssertionError(out)


def tunnels_are_decided_on_carried_and_recorded():
    python = clients_python("websockets")
    if not python:
        print("skipped: PyPI's websockets cannot be installed here")
        return
    with World() as w:
        for name, text in (("server.py", SERVER), ("client.py", CLIENT)):
            with open(w.path(name), "w") as f:
                f.write(textwrap.dedent(text))
        w.up()
        run = w.run_orders(command=[python, w.path("server.py")])
        alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)

        said = result(client(w, python, alice, "messages"))
        check(said.get("same") is True, f"messages: {said}")
        said = result(client(w, python, alice, "leave"))
        check(said.get("code") == 1000, f"the server's close: {said}")
        said = result(client(w, python, bob, "messages", "/orders/live"))
        check(said.get("status") == 403, f"denied: {said}")
        said = result(client(w, python, "a.b.c", "messages"))
        check(said.get("status") == 401, f"nobody: {said}")

        held = client(w, python, alice, "wait", "/orders/live")
        check(held.stdout.readline() == "open\n", "a tunnel that stays open")

        def rows():
            found = [r["record"] for r in w.audit("kind=access front=proxy since=1h")]
            return sorted((r for r in found if "/live" in r.get("request.path", "")), key=lambda r: r["seq"])

        # What is decided is in the trail while the tunnel is open.
        wait_for("the decision", lambda: rows() and rows()[-1]["request.path"] == "/orders/live"
                 and rows()[-1]["phase"] == "decision")
        def outcomes():
            return [r for r in rows() if r["phase"] == "outcome"]

        wait_for("the outcomes of those that are closed", lambda: len(outcomes()) == 2)
        done = outcomes()
        check(all(r["request.status"] == 101 for r in done), f"outcomes: {done}")
        check(all(r["request.bytes_in"] > 4 * 2**20 and r["request.bytes_out"] > 4 * 2**20 for r in done[:1]), f"bytes: {done[0]}")
        os.kill(w.endpoint("agents/orders")["pid"], signal.SIGTERM)
        said = result(held)
        check("cut" in said, f"the tunnel of a gate that goes: {said}")
        last = wait_for("the outcome", lambda: [r for r in outcomes() if r["request.path"] == "/orders/live"])
        check_has(last[0]["reason"], "draining")
        check(run.poll() is None, "the supervisor goes on")


main(tunnels_are_decided_on_carried_and_recorded)
