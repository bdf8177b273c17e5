# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a clear error and loses nothing."""
import os
import re
import shutil
import socket
import subprocess

from world import BIN, ORDERS, World, check, check_has, main, wait_for


def program(name, *args):
    p = subprocess.run([os.path.join(BIN, name), *args], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    return p.returncode, p.stdout + p.stderr


def an_unknown_key_in_a_configuration():
    with World() as w:
        for name in ("outrider-agent", "outrider-collector"):
            path = w.path("config.yaml")
            with open(path, "w") as f:
                f.write("# a comment\nstate: /nowhere\nlisten_adress: 127.0.0.1:0\n"
                        if name.endswith("collector") else
                        "state: /nowhere\ngate:\n  lissten: 127.0.0.1:0\n")
            code, text = program(name, "--config", path)
            check(code != 0, text)
            check_has(text, f"{path}:3")
            check_has(text, "listen")


def a_malformed_product():
    with World() as w:
        folder = w.path("orders")
        shutil.copytree(ORDERS, folder)
        path = os.path.join(folder, "dataproduct.yaml")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("    version: 1.0.0\n", "").replace("\ntags:", "\ntagz:"))
        r = w.cli("product", "validate", path, check_code=1)
        said = r.out + r.err
        check(re.search(r"dataproduct\.yaml:\d+: outputPorts\[1\]", said), r)
        check_has(said, "version")
        check(re.search(r"dataproduct\.yaml:\d+: tagz", said), r)
        check_has(said, '"tags"')
        w.up()
        run = w.run_orders(product=path, wait=False)
        check(run.wait(30) != 0, "outrider run went on with it")


def a_policy_that_does_not_parse():
    with World() as w:
        folder = w.path("orders")
        shutil.copytree(ORDERS, folder)
        with open(os.path.join(folder, "policy/orders.cedar"), "a") as f:
            f.write("\npermit (principal, action, resource)\nwhen { principal.clearance >> 2 };\n")
        w.cli("key", "new", "--out", w.path("bundle.key"))
        r = w.cli("policy", "build", "--product", os.path.join(folder, "dataproduct.yaml"), "--key",
                  w.path("bundle.key"), "--out", w.path("orders.bundle"), check_code=2)
        check(re.search(r"orders\.cedar:\d+:\d+", r.err), r)
        check_has(r.err, "when { principal.clearance >> 2 };")
        check_has(r.err, "^")
        check(not os.path.exists(w.path("orders.bundle")), "a bundle was written")


def a_wrong_or_older_bundle_leaves_the_old_one():
    with World() as w:
        w.up()
        w.bundle(5)
        w.run_orders()
        token = w.token("alice", clearance=2)
        revision = lambda: w.agent_admin("/v1/status").json()["bundle"]["revision"]
        error = lambda: w.agent_admin("/v1/status").json()["bundle"].get("error", "")
        check(revision() == 5, w.agent_admin("/v1/status"))

        w.bundle(4, name="older.bundle")
        os.replace(w.path("older.bundle"), w.path("orders.bundle"))
        wait_for("the older bundle's refusal", lambda: "revision" in error())
        check(revision() == 5, "the older bundle was taken")

        w.bundle(6, name="stranger.bundle", key="stranger.key")
        os.replace(w.path("stranger.bundle"), w.path("orders.bundle"))
        wait_for("the stranger's refusal", lambda: "sign" in error() or "key" in error())
        check(revision() == 5, "the stranger's bundle was taken")
        check(w.get("/orders?limit=1", token).status == 200, "the old bundle decides")
        r = w.cli("doctor", check_code=1)
        check_has(r.out, "refused")

        w.bundle(7)
        wait_for("the next bundle", lambda: revision() == 7)
        check(w.get("/orders?limit=1", token).status == 200, "the new bundle decides")
        w.shipped()
        rows = w.audit("kind=policy")
        check(len(rows) >= 3, f"bundles taken and refused are records: {rows}")


def an_unreachable_collector():
    with World() as w:
        w.up()
        w.run_orders()
        token = w.token("alice", clearance=2)
        check(w.get("/totals?limit=1", token).status == 200, "before")
        w.shipped()
        w.cli("down")
        for _ in range(5):
            check(w.get("/orders?limit=1", token).status == 200, "without a collector")
        wait_for("the doctor to see it", lambda: "spooling" in w.cli("doctor", check_code=1).out)
        r = w.cli("audit", "decision=deny", check_code=3)
        check_has(r.err, "outrider up")
        w.up()
        w.shipped()
        check(len(w.audit("port=orders phase=decision")) == 5, "what was spooled arrived")
        check_has(w.cli("verify").out, "complete and unchanged")
        check_has(w.cli("doctor").out, "connected")


def a_port_in_use():
    with World() as w, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        taken = f"127.0.0.1:{s.getsockname()[1]}"
        r = w.cli("up", "--listen", taken, check_code=None)
        check(r.code != 0, r)
        check_has(r.err, taken)
        w.up()
        run = w.run_orders("--listen", taken, wait=False)
        check(run.wait(30) != 0, "outrider run went on")
        with open(os.path.join(w.state, "agents/orders/agent.log")) as f:
            check_has(f.read(), taken)


def a_workload_that_is_not_there():
    with World() as w:
        w.up()
        run = w.run_orders(command=["/no/such/program"], wait=False)
        check(run.wait(60) == 3, run.returncode)
        with open(w.path("run.log")) as f:
            check_has(f.read(), "/no/such/program")


def misspelt_words():
    with World() as w:
        check_has(w.cli("adit", check_code=2).err, 'did you mean "audit"')
        check_has(w.cli("audit", "--jsn", check_code=2).err, "did you mean --json")
        w.up()
        r = w.cli("audit", "decison=deny", check_code=2)
        check_has(r.err, 'did you mean "decision"')
        check_has(r.err, "^")
        r = w.cli("why", "ffffffffffffffffffff", check_code=None)
        check(r.code in (1, 3), r)


if __name__ == "__main__":
    main(an_unknown_key_in_a_configuration, a_malformed_product, a_policy_that_does_not_parse,
         a_wrong_or_older_bundle_leaves_the_old_one, an_unreachable_collector, a_port_in_use,
         a_workload_that_is_not_there, misspelt_words)
