# SPDX-License-Identifier: Apache-2.0
"""What a person meets at the command line: help that is true, JSON that parses, colour only on a
terminal, exit codes (0 yes, 1 no, 2 wrong usage, 3 could not be answered), errors that say where."""
import json
import os
import pty
import re
import signal
import subprocess
import sys

from world import BIN, ORDERS, World, check, check_has, main

PRODUCT = f"{ORDERS}/dataproduct.yaml"
VERBS = ["up", "down", "run", "audit", "why", "alerts", "verify", "export", "doctor", "gate routes", "gate try",
         "policy build", "policy format", "policy translate", "policy authorize",
         "policy explain", "policy filter", "policy list", "policy check", "policy test",
         "policy diff", "policy verify", "product validate", "token issuer new",
         "token issuer rotate", "token mint", "key new", "key id"]


def refused(w, code, said, *args, env=None):
    """One message on stderr, nothing on stdout."""
    r = w.cli(*args, check_code=code, env=env)
    check_has(r.err, said)
    check(r.out == "", r)
    check(r.err.startswith("outrider"), r)


def help_is_there_for_each_verb():
    with World() as w:
        for verb in VERBS:
            words = verb.split()
            text = w.cli(*words, "--help").out
            check(text.startswith(f"usage: outrider {verb}"), text)
            check(w.cli("help", *words).out == text, f"help {verb}")
            refused(w, 2, "there is no flag --nonsense", *words, "--nonsense")
        check(re.fullmatch(r"outrider \d+\.\d+\.\d+\n", w.cli("--version").out), "--version")
        check_has(w.cli("--help").out, "OUTRIDER_HOME")
        check(w.cli(check_code=2).out == "", "usage belongs on stderr")


def words_that_nobody_expects():
    with World() as w:
        for verb in ("up", "down", "doctor", "policy build", "key new", "token mint",
                     "token issuer new", "token issuer rotate"):
            r = w.cli(*verb.split(), "stray", check_code=2)
            check(r.out == "", r)
        check(not os.path.exists(w.state), "asking made a state directory")


def asking_leaves_no_trace():
    with World() as w:
        for verb in (["audit", "kind=access"], ["why", "0" * 20], ["verify"], ["down"]):
            w.cli(*verb, check_code=None)
        check(not os.path.exists(w.state), os.listdir(w.dir))


def errors_say_where():
    with World() as w:
        refused(w, 3, "outrider up", "audit", "kind=access")
        refused(w, 3, w.dir, "key", "id", w.dir)
        refused(w, 3, "token issuer new", "token", "mint", "--sub", "a", "--aud", "b", "--dir",
                w.path("none"))
        refused(w, 3, "127.0.0.1:1", "audit", "--collector", "http://127.0.0.1:1/", "kind=access")
        w.cli("key", "new", "--out", w.path("k.key"))
        refused(w, 2, f"{w.dir}/k.key.pub: bundles are signed with private", "policy", "build",
                "--product", PRODUCT, "--key", w.path("k.key.pub"), "--out", w.path("b"))
        refused(w, 2, "--key junk", "verify", "--key", "junk")
        refused(w, 3, "--product", "run", "--product", w.path("none"), "--", "true")
        w.up()
        wrong = w.path("wrong.token")
        refused(w, 3, "OUTRIDER_TOKEN_FILE", "audit", env={"OUTRIDER_TOKEN_FILE": wrong})
        with open(wrong, "w") as f:
            f.write("wrong\n")
        refused(w, 3, wrong, "audit", env={"OUTRIDER_TOKEN_FILE": wrong})
        w.issuer()
        for issuer, said in (("nothing", "ISSUER=JWKS-FILE"), (f"x={w.dir}/none", "none")):
            r = w.cli("run", "--product", PRODUCT, "--issuer", issuer, "--", "true",
                      check_code=None)
            check(r.code in (2, 3), r)
            check_has(r.err, said)


def a_program_that_does_not_start_says_why():
    with World() as w:
        config = w.path("collector.yaml")
        with open(config, "w") as f:
            f.write("lissten: 127.0.0.1:0\n")
        r = w.cli("up", "--config", config, check_code=3)
        check_has(r.err, f'{config}:1: unknown key "lissten"')
        check(r.err.count("\n") == 1, r)
        taken = w.up()["url"].split("//")[1]
        w.issuer()
        r = w.cli("run", "--product", PRODUCT, "--listen", taken, "--issuer",
                  f"x={w.path('issuer/jwks.json')}", "--", "true", check_code=3)
        check_has(r.err, f"the agent did not start: gate: gate.listen: listen on {taken}")


def a_refused_bundle_is_said():
    with World() as w:
        w.up()
        w.bundle(1, key="other.key")
        w.cli("key", "new", "--out", w.path("bundle.key"))
        w.run_orders(command=["true"], wait=False).wait(60)
        with open(w.path("run.log")) as f:
            check_has(f.read(), "the bundle is refused")


def json_parses():
    with World() as w:
        odd = w.path('od"d\\ é')
        os.mkdir(odd)
        state = os.path.join(odd, "state")
        env = {"OUTRIDER_HOME": state}
        w.cli("key", "new", "--out", w.path("k.key"))
        out = os.path.join(odd, "b.bundle")
        built = json.loads(w.cli("policy", "build", "--product", PRODUCT, "--key", w.path("k.key"),
                                 "--out", out, "--json").out)
        check(built["bundle"] == out and built["policies"] > 0, built)
        up = json.loads(w.cli("up", "--listen", "127.0.0.1:0", "--json", env=env).out)
        try:
            check(up["state"] == state, up)
            checks = json.loads(w.cli("doctor", "--json", env=env).out)
            check({c["verdict"] for c in checks} <= {"ok", "note"}, checks)
            w.cli("audit", check_code=None, env=env)
            rows = [json.loads(line) for line in w.cli("audit", "--json", env=env).out.splitlines()]
            check(rows[-1]["summary"]["matched"] >= 1, rows)
            row = json.loads(w.cli("why", "--json", rows[0]["id"], env=env).out.splitlines()[0])
            check(row["id"] == rows[0]["id"], row)
            check(json.loads(w.cli("verify", "--json", env=env).out)[0]["ok"] is True, "verify")
            one = json.loads(w.cli("verify", "--json", rows[0]["id"], env=env).out)
            check(one["ok"] is True and one["id"] == rows[0]["id"], one)
        finally:
            w.cli("down", env=env)
        check(json.loads(w.cli("product", "validate", "--json", PRODUCT).out)["valid"], "product")


def the_table_shows_what_was_asked_for():
    with World() as w:
        w.up()
        w.run_orders()
        token = w.token("alice", clearance=2)
        check(w.get("/orders?limit=1", token).status == 200, "a request")
        w.shipped()
        r = w.cli("audit", "kind=access | fields phase, request.status, principal.id")
        head, *rows = r.out.splitlines()
        check(head.split() == ["phase", "request.status", "principal.id", "ID"], r)
        check(rows[0].split()[:3] == ["outcome", "200", "https://issuer.example#alice"], r)
        check(rows[1].split()[:3] == ["decision", "-", "https://issuer.example#alice"], r)
        for row, said in zip(rows, ("answered 200", "not answered yet")):
            check_has(w.cli("why", row.split()[3]).out, said)
        trace = w.audit("phase=outcome")[0]["record"]["trace_id"]
        check(w.cli("why", trace).out.count("because   analysts-read-within-clearance") == 2, trace)
        w.get("/orders", w.token("carol", "--expired"))
        w.get("/orders", token, method="DELETE")
        w.shipped()
        for query, said in (("reason=token_expired", "before any policy was asked"),
                            ("action=delete", "no policy permits it")):
            check_has(w.cli("why", w.audit(query)[0]["id"]).out, said)
        own = w.cli("why", w.audit("kind=admin")[0]["id"]).out
        check("answered" not in own and "bundle" not in own, own)
        section = w.cli("audit", "--help").out.split("\nfields:")[1].split("\nexamples:")[0]
        fields = re.findall(r"^  ([a-z_.]+) ", section, re.M)
        check(len(fields) > 30, fields)
        for field in fields:
            name = "attributes.x" if field == "attributes" else field
            w.cli("audit", f"{name}!=\"\" | count", check_code=None)
            check(w.cli("audit", f"kind=access | fields {name}").code == 0, name)


def on_a_terminal(*argv, env):
    """What the command writes to a terminal."""
    leader, follower = pty.openpty()
    p = subprocess.Popen(argv, stdin=follower, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    out = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # how a terminal's end reads once nobody has it open
            break
        if not piece:
            break
        out += piece
    os.close(leader)
    p.wait(60)
    return out.decode()


STUBBORN = """
import http.server, os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.timeout = 0.05
while not os.path.exists(sys.argv[1]):
    server.handle_request()
"""


def ctrl_c_leaves_the_agent_to_the_workload():
    with World() as w:
        w.up()
        leave = w.path("leave")
        run = w.run_orders(own_group=True, command=[sys.executable, "-c", STUBBORN, leave])
        token = w.token("alice", clearance=2)
        agent = w.endpoint("agents/orders")["pid"]
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
        os.killpg(run.pid, signal.SIGTERM)
        for _ in range(5):
            check(w.get("/totals", token).status == 200, "the gate serves as long as the workload")
        check(w.endpoint("agents/orders")["pid"] == agent, "another agent")
        open(leave, "w").close()
        check(run.wait(60) == 0, run.returncode)
        with open(w.path("run.log")) as f:
            check("is started again" not in f.read(), "the agent ended before the workload")
        check(len(w.audit("kind=access")) == 5, "what the agent held was shipped")


def colour_is_for_terminals():
    with World() as w:
        w.up()
        env = dict(os.environ, OUTRIDER_HOME=w.state, TERM="xterm")
        env.pop("NO_COLOR", None)
        program = os.path.join(BIN, "outrider")
        if not os.path.exists("/dev/ptmx") or not os.listdir("/dev/pts"):
            print("     skipped: no pseudo terminals are mounted here (/dev/pts)")
            return
        check_has(on_a_terminal(program, "doctor", env=env), "\x1b[32mok")
        check("\x1b" not in on_a_terminal(program, "doctor", env=dict(env, NO_COLOR="1")), "NO_COLOR")
        check("\x1b" not in on_a_terminal(program, "doctor", env=dict(env, TERM="dumb")), "dumb")
        for verb in (["doctor"], ["audit"], ["verify"], ["--help"]):
            r = w.cli(*verb, check_code=None)
            check("\x1b" not in r.out + r.err, r)


if __name__ == "__main__":
    main(help_is_there_for_each_verb, words_that_nobody_expects, asking_leaves_no_trace,
         errors_say_where, a_program_that_does_not_start_says_why, a_refused_bundle_is_said,
         json_parses, the_table_shows_what_was_asked_for,
         ctrl_c_leaves_the_agent_to_the_workload,
         colour_is_for_terminals)
