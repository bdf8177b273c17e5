#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""outrider-collector as a process: its command line, its state directory, its signals."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from world import BIN, check, check_has, wait_for

PROGRAM = os.path.join(BIN, "outrider-collector")


class Collector:
    """Runs one on a free port until the end of the block; start() waits for --ready-fd."""

    def __init__(self, state, *args):
        self.args = [PROGRAM, "--state", state, *args]
        self.state = state
        self.process = None

    def start(self):
        reader, writer = os.pipe()
        self.process = subprocess.Popen([*self.args, "--ready-fd", str(writer)],
                                        pass_fds=[writer], stderr=subprocess.PIPE, text=True)
        os.close(writer)
        with os.fdopen(reader) as ready:
            said = ready.read()  # until the collector closes it, or ends
        if said != "ready\n":
            self.process.wait(20)
            raise AssertionError(f"said {said!r}: {self.process.stderr.read()}")
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        self.process.stderr.close()

    def endpoint(self):
        with open(os.path.join(self.state, "endpoint"), encoding="utf-8") as f:
            return json.load(f)

    def connect(self):
        return http.client.HTTPConnection(self.endpoint()["url"].split("//")[1], timeout=20)

    def get(self, path, token=None):
        connection = self.connect()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def token(self):
        with open(os.path.join(self.state, "admin.token"), encoding="utf-8") as f:
            return f.read().strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextlib.contextmanager
def state_dir():
    directory = tempfile.mkdtemp(prefix="outrider-collector-")
    try:
        yield os.path.join(directory, "state")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


def the_command_line():
    p = run("--help")
    check(p.returncode == 0, p)
    check_has(p.stdout, "usage: outrider-collector --state DIR")
    check_has(p.stdout, "--certificate.life")
    p = run("--state", "/x", "--print-config", "--certificate.life=2h")
    check(p.returncode == 0, p)
    check_has(p.stdout, 'state: "/x"\n')
    check_has(p.stdout, "certificate:\n  life: 2h\n")
    p = run("--state", "/x", "--lisen", "x")
    check(p.returncode == 2, p)
    check_has(p.stderr, "listen")
    p = run()
    check(p.returncode == 2, p)
    check_has(p.stderr, "state")


def a_configuration_file_with_an_unknown_key():
    with state_dir() as state:
        path = state + ".yaml"
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"state: {state}\nlistn: 127.0.0.1:0\n")
        p = run("--config", path)
        check(p.returncode == 2, p)
        check_has(p.stderr, f"{path}:2")
        check_has(p.stderr, "listen")


def it_serves_and_ends_on_a_signal():
    with state_dir() as state, Collector(state, "--listen", "127.0.0.1:0") as c:
        check(c.endpoint()["pid"] == c.process.pid, c.endpoint())
        check(c.get("/healthz")[0] == 200, "healthz")
        check(c.get("/v1/shards")[0] == 401, "without a token")
        status, body = c.get("/v1/audit?q=kind%3Dadmin", c.token())
        check(status == 200, body)
        check_has(body, '"query":"kind=admin"')
        check(c.stop() == 0, "exit code")
        check(not os.path.exists(os.path.join(state, "endpoint")), "the endpoint is left")
        log = c.process.stderr.read()
        check_has(log, '"event":"collector.ready"')
        check_has(log, '"event":"collector.stopped"')
        check(c.token() not in log, "the log has the token")


def a_request_in_flight_is_answered_before_it_ends():
    with state_dir() as state, Collector(state, "--listen", "127.0.0.1:0") as c:
        host, port = c.endpoint()["url"].split("//")[1].split(":")
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall(b"POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                           b"Expect: 100-continue\r\n\r\n")
            check(client.recv(100).startswith(b"HTTP/1.1 100 "), "it is being handled")
            c.process.send_signal(signal.SIGTERM)

            def refuses():
                try:
                    socket.create_connection((host, int(port)), timeout=20).close()
                    return False
                except ConnectionRefusedError:
                    return True
                except ConnectionResetError:  # taken by a backlog that was just closed
                    return False

            wait_for("the collector to stop listening", refuses)
            check(c.process.poll() is None, "it did not wait")
            client.sendall(b"{}")
            answer = b""
            while piece := client.recv(4096):
                answer += piece
            check(answer.startswith(b"HTTP/1.1 400 "), answer)
            check_has(answer.decode(), "join_token")
        check(c.process.wait(20) == 0, "exit code")


def the_state_has_one_owner():
    with state_dir() as state, Collector(state, "--listen", "127.0.0.1:0") as c:
        p = run("--state", state, "--listen", "127.0.0.1:0")
        check(p.returncode == 1, p)
        check_has(p.stderr, f"another outrider-collector uses {state}")
        check(c.get("/healthz")[0] == 200, "the first one")


def a_port_in_use():
    with state_dir() as state, socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        p = run("--state", state, "--listen", address)
        check(p.returncode == 1, p)
        check_has(p.stderr, address)
        check_has(p.stderr, "another process has this address")


def what_is_fixed_cannot_change():
    with state_dir() as state:
        with Collector(state, "--listen", "127.0.0.1:0") as c:
            check(c.stop() == 0, "exit code")
        p = run("--state", state, "--listen", "127.0.0.1:0", "--shards", "2")
        check(p.returncode == 1, p)
        check_has(p.stderr, "has another number of shards than the configuration")


def killed_it_starts_again():
    with state_dir() as state:
        with Collector(state, "--listen", "127.0.0.1:0") as c:
            c.get("/v1/audit?q=action%3Dfirst", c.token())
            c.process.kill()
            c.process.wait(20)
        with Collector(state, "--listen", "127.0.0.1:0") as c:
            check(c.endpoint()["pid"] == c.process.pid, "the endpoint is the old one's")
            _, body = c.get("/v1/audit?q=attributes.query%3Daction*", c.token())
            check_has(body, '"query":"action=first"')
            check(c.stop() == 0, "exit code")


def main():
    for scenario in (the_command_line, a_configuration_file_with_an_unknown_key,
                     it_serves_and_ends_on_a_signal,
                     a_request_in_flight_is_answered_before_it_ends, the_state_has_one_owner,
                     a_port_in_use, what_is_fixed_cannot_change, killed_it_starts_again):
        scenario()
        print("ok", scenario.__name__.replace("_", " "))


if __name__ == "__main__":
    main()
