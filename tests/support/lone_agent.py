# SPDX-License-Identifier: Apache-2.0
"""An agent of its own in front of the example product, without supervisor and collector, for what only its
configuration can say. Policies are the test's."""
import json
import os
import shutil
import subprocess
import sys

from ports import free_port
from world import BIN, ORDERS, check, wait_for

CONFIG = """
product: {product}
state: {state}
gate: {gate}
decide: {{listen: "127.0.0.1:0"}}
admin: {{listen: "127.0.0.1:0"}}
capture: {{listen: "127.0.0.1:0"}}
bundle: {{file: {bundle}, keys: [{key}]}}
issuers: {issuers}
"""


def product(w, policy):
    """A copy of the example with that Cedar text as its only policy; the descriptor's path."""
    directory = w.path("product")
    shutil.copytree(ORDERS, directory)
    for name in os.listdir(os.path.join(directory, "policy")):
        if name.endswith(".cedar"):
            os.remove(os.path.join(directory, "policy", name))
    with open(os.path.join(directory, "policy", "test.cedar"), "w") as f:
        f.write(policy)
    return os.path.join(directory, "dataproduct.yaml")


def start(w, policy, issuers, **gate):
    """Starts app and agent; w.gate is where it listens."""
    descriptor = product(w, policy)
    w.bundle(1, product=descriptor)
    upstream = free_port()
    app = subprocess.Popen([sys.executable, os.path.join(ORDERS, "serve.py")], env=dict(os.environ, PORT=str(upstream)),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    w.runs.append(app)
    wait_for("the app", lambda: w.port_answers(upstream))
    gate = dict(gate, listen="127.0.0.1:0", upstream=f"127.0.0.1:{upstream}")
    config = w.path("outrider-agent.yaml")
    with open(config, "w") as f:
        f.write(CONFIG.format(product=descriptor, state=w.path("agent"), gate=json.dumps(gate), issuers=json.dumps(issuers),
                              bundle=w.path("orders.bundle"), key=w.path("bundle.key.pub")))
    log = open(w.path("run.log"), "a+")
    agent = subprocess.Popen([os.path.join(BIN, "outrider-agent"), "--config", config], stdout=log, stderr=log)
    w.runs.append(agent)
    endpoint = w.path("agent", "endpoint")

    def serves():
        if agent.poll() is not None:
            with open(log.name) as f:
                check(False, "the agent ended:\n" + "".join(f.readlines()[-5:]))
        return os.path.exists(endpoint)

    wait_for("the agent", serves)
    with open(endpoint) as f:
        w.gate = json.load(f)["gate"]
