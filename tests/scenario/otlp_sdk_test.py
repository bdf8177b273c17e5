# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's own SDKs for Python and Node against the intake: three signals, JSON and protobuf, packed and not,
through each answer that it gives. What an SDK was told to be taken is at the collector, once; what was not, is not."""
import json
import select
import urllib.parse
import urllib.request

import otlp_sdk
from reload_test import Agent
from telemetry import delivered, intake, logs_request, post
from world import World, check, main, wait_for

CASES = 12
PAD = 1_100_000  # more than a request may have


class Matrix:
    def __init__(self, w, sdk):
        self.w, self.sdk = w, sdk
        self.agent = Agent(w)
        self.taken, self.refused = [], []
        self.n = 0

    def counts(self, reason):
        return self.agent.metric(f'outrider_receiver_refused_total{{reason="{reason}"}}')

    def begin(self, cases=None, pad=0):
        self.n += 1
        self.sdk.ask(f"item{self.n}", cases, pad)

    def end(self):
        """The cases that were not taken."""
        answer = self.sdk.answer()
        for case, taken in answer.items():
            (self.taken if taken else self.refused).append(f"item{self.n}.{case.replace(' ', '.')}")
        return [case for case, taken in answer.items() if not taken]

    def until_taken(self, left):
        """What the SDK has given up it is asked to send again, as something new."""
        def once():
            if self.left:
                self.begin(self.left)
                self.left = self.end()
            return not self.left
        self.left = left
        wait_for("everything to be taken", once)


def all_is_well(m):
    m.begin()
    check(not m.end(), "taken at once")


def too_many_at_once(m):
    """429: the rate of the configuration is one request a second."""
    check(m.agent.reload("capture.rate: 1\n")["state"] == "reloaded", "a rate")
    before = m.counts("rate")
    url = intake(m.w)

    def refused():
        m.begin()
        post(url, "/v1/logs", "{}")  # takes what there is
        while m.counts("rate") < before + CASES and not has_answer(m.sdk):
            post(url, "/v1/logs", "{}")
        if m.counts("rate") >= before + CASES:
            return True
        m.end()
        return False

    wait_for("refusals", refused)
    status, headers, body = post_until(url, 429)
    check(headers.get("Retry-After") == "1" and b'"code":8' in body, f"{status} {headers} {body}")
    check(m.agent.reload("capture.rate: 0\n")["state"] == "reloaded", "no rate")
    m.until_taken(m.end())


def has_answer(sdk):
    return bool(select.select([sdk.process.stdout], [], [], 0)[0])


def post_until(url, status):
    def one():
        answer = post(url, "/v1/logs", "{}")
        return answer if answer[0] == status else None
    return wait_for(f"an answer {status}", one)


def too_large(m):
    """413: never sent again, and no part of it is taken."""
    before = m.counts("too_large")
    m.begin(pad=PAD)
    check(len(m.end()) == CASES, "none is taken")
    check(m.counts("too_large") - before == CASES, "each was refused once")


def no_room(m):
    """503: the collector is away, and the spool is full to its last byte."""
    m.w.cli("down")
    url = intake(m.w)
    for size in (900_000, 90_000, 9_000, 900, 90, 1):
        while post(url, "/v1/logs", logs_request("f" * size))[0] == 200:
            pass
    before = m.counts("no_room")
    m.begin()
    wait_for("refusals", lambda: m.counts("no_room") >= before + CASES)
    m.w.up()
    m.until_taken(m.end())


def names(w, path, key, query):
    """How often each is at the collector."""
    found = {}
    with open(f"{w.state}/collector/admin.token") as f:
        token = f.read().strip()
    url = w.endpoint("collector")["url"] + path + "?q=" + urllib.parse.quote(query)
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        for line in answer.read().splitlines():
            row = json.loads(line)
            if str(row.get(key, "")).startswith("item"):
                found[row[key]] = found.get(row[key], 0) + 1
    return found


def each_is_there_once(m):
    found = {}

    def complete():
        delivered(m.w)
        found.clear()
        for path, key, query in (("/v1/logs", "body", "body=item* limit=1000"), ("/v1/metrics", "name", "name=item* limit=1000"),
                                 ("/v1/spans", "name", "name=item* limit=1000")):
            found.update(names(m.w, path, key, query))
        return set(m.taken) <= set(found)

    wait_for("what was taken", complete)
    check(set(found) == set(m.taken), f"not told as taken: {set(found) - set(m.taken)}")
    check(all(n == 1 for n in found.values()), f"more than once: {[x for x in found.items() if x[1] > 1]}")


def through_every_answer(make):
    with World() as w:
        w.env = {"OUTRIDER_CAPTURE_QUOTA": "16MiB"}
        w.up()
        w.run_orders()
        sdk = make(intake(w))
        if not sdk:
            print("skipped: the SDK cannot be installed here")
            return
        m = Matrix(w, sdk)
        for phase in (all_is_well, too_many_at_once, too_large, no_room, all_is_well, each_is_there_once):
            phase(m)
        sdk.close()
        check(len(m.taken) >= 4 * CASES and len(m.refused) >= CASES, f"{len(m.taken)} taken")


def python_sdk():
    through_every_answer(otlp_sdk.python_sdk)


def node_sdk():
    through_every_answer(otlp_sdk.node_sdk)


if __name__ == "__main__":
    main(python_sdk, node_sdk)
