#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The log and its proofs as others read them: Go's sumdb packages and Tessera's fsck over the API,
proof files (C2SP tlog-proof), and bytes changed in each kind of file."""
import json
import os
import random
import subprocess

from collector_test import Collector, state_dir
from gopeer import built
from world import BIN, check, check_has, main

QUERIES = 330  # two leaves each: a whole tile of level 0 and more than one bundle
PEER = None


def ask_often(c, n):
    """Each question is a record under a frame."""
    connection = c.connect()
    headers = {"Authorization": f"Bearer {c.token()}"}
    for i in range(n):
        connection.request("GET", f"/v1/audit?q=product%3Dnone{i}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        check(answer.status == 200, answer.status)
    connection.close()


def cli(state, *args, check_code=0):
    p = subprocess.run([os.path.join(BIN, "outrider"), *args], text=True, timeout=120,
                       env={**os.environ, "OUTRIDER_HOME": state}, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(p.returncode == check_code, p)
    return p


def log_of(c):
    with open(os.path.join(c.state, "log.json"), encoding="utf-8") as f:
        said = json.load(f)
    return said["shards"][0]["origin"], said["vkey"]


def peer(c, *args, check_code=0):
    p = subprocess.run([PEER, *args], text=True, timeout=120, stdin=subprocess.DEVNULL,
                       env={**os.environ, "OUTRIDER_TOKEN": c.token()}, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=False)
    check(p.returncode == check_code, p)
    return json.loads(p.stdout) if check_code == 0 else p.stderr


class Home:
    """A state directory with a collector in it, as the CLI knows it, that runs for the block."""

    def __enter__(self):
        self.dirs = state_dir()
        self.home = self.dirs.__enter__()
        os.makedirs(self.home)
        self.collector = Collector(os.path.join(self.home, "collector"), "--listen", "127.0.0.1:0",
                                   "--seal.age", "1s")
        self.collector.start()
        return self

    def __exit__(self, *args):
        self.collector.__exit__(*args)
        self.dirs.__exit__(*args)

    def cli(self, *args, check_code=0):
        return cli(self.home, *args, check_code=check_code)

    def ids(self, query):
        out = self.cli("audit", "--json", query).stdout.splitlines()
        return [row["id"] for row in map(json.loads, out) if "id" in row]


def others_read_the_log():
    with Home() as h:
        c = h.collector
        origin, vkey = log_of(c)
        url = c.endpoint()["url"] + "/v1/log/0/"
        for more in (1, 9, QUERIES):  # 2, 20, 680 leaves: partial tiles, then whole ones
            ask_often(c, more)
            said = peer(c, "log", url, origin, vkey)
            check(said["leaves"] >= 2 * more and said["proofs"] >= said["leaves"], said)
            check(said["fsck"] is True, said)
        other = vkey.split("+")
        other[0] = "another/log"
        wrong = "+".join(other)
        check(peer(c, "log", url, origin, wrong, check_code=1), "another key")
        check(c.stop() == 0, "a signal")
        c.start()  # sealed meanwhile, or read from segments again
        url = c.endpoint()["url"] + "/v1/log/0/"
        check(peer(c, "log", url, origin, vkey)["leaves"] >= 2 * QUERIES, "after a restart")


def others_read_proof_files():
    with Home() as h:
        c = h.collector
        origin, vkey = log_of(c)
        ask_often(c, 40)
        for i, record in enumerate(h.ids("kind=admin | limit 8")):
            path = os.path.join(h.home, f"{i}.tlog-proof")
            h.cli("export", "--proof", record, "--out", path)
            said = peer(c, "proof", path, origin, vkey)
            check(said["index"] < said["size"], said)


def proof_files_are_checked_offline():
    with Home() as h:
        c = h.collector
        _, vkey = log_of(c)
        ask_often(c, 20)
        record = h.ids("kind=admin | limit 1")[0]
        path = os.path.join(h.home, "one.tlog-proof")
        text = h.cli("export", "--proof", record).stdout
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        check_has(cli(h.home + "-elsewhere", "verify", path, check_code=3).stderr, "--key")
        h.cli("verify")
        check(c.stop() == 0, "the collector is not needed from here on")
        check_has(h.cli("verify", path).stdout, "the record is in the log")
        one = json.loads(cli(h.home + "-elsewhere", "verify", path, "--key", vkey, "--json").stdout)
        check(one["ok"] is True and one["id"] == record, one)
        rng = random.Random(8)
        raw = bytearray(text.encode())
        for at in [0, len(raw) - 2, *(rng.randrange(len(raw)) for _ in range(30))]:
            raw[at] ^= 1
            with open(path, "wb") as f:
                f.write(raw)
            raw[at] ^= 1
            check_has(h.cli("verify", path, "--key", vkey, check_code=1).stderr, path)
        check_has(h.cli("verify", os.path.join(h.home, "none"), check_code=3).stderr, "none")


def with_the_peer():
    global PEER
    PEER, why = built("tlog")
    if not PEER:
        print(f"skipped: others' implementations: {why}", flush=True)
    return [others_read_the_log, others_read_proof_files] if PEER else []


if __name__ == "__main__":
    main(*with_the_peer(), proof_files_are_checked_offline)
