# SPDX-License-Identifier: Apache-2.0
"""What the workload itself does becomes audit records, and nothing of anybody else.

Needs a kernel that permits the probes; where it does not, that test is skipped with the reason, and
only what is said about it is tested.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

from world import BIN, ROOT, World, check, check_has, main, wait_for

NOBODY = 65534
CAP_BPF = 39

# A workload that serves and does what its first argument says, again at each GET of /again.
WORKLOAD = r'''
import http.server, os, socket, subprocess, sys
what = sys.argv[1]
def act():
    exec(open(what).read(), {"__name__": "act"})
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/again":
            act()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
act()
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''


def tap(w):
    return w.agent_admin("/v1/status").json()["tap"]


def run(w, act, *flags):
    for name, text in (("workload.py", WORKLOAD), ("act.py", act)):
        with open(w.path(name), "w") as f:
            f.write(text)
    return w.run_orders(*flags, command=[sys.executable, w.path("workload.py"), w.path("act.py")])


def watched(w):
    """False, with the reason, where this machine does not permit it."""
    state = tap(w)
    if state["tier"] == "T1":
        return True
    print(f"skip: the kernel's view is {state['tier']}: {state['why']}")
    return False


def again(w):
    port = int(re.findall(r"on port (\d+)", open(w.path("run.log")).read())[-1])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(b"GET /again HTTP/1.0\r\n\r\n")
        while s.recv(4096):
            pass


def find(w, query):
    return [row["record"] for row in w.audit(query)]


def await_records(w, query):
    return wait_for(f"records of {query}", lambda: find(w, query))


class Listener:
    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        return self

    def __exit__(self, *args):
        self.socket.close()


def what_the_workload_does_is_recorded():
    with World() as w, Listener() as listener:
        w.up()
        data, other = w.path("customers.csv"), w.path("outside.csv")
        for path in (data, other):
            open(path, "w").close()
        run(w, f"""
import socket, subprocess
open({data!r}).read()
open({data!r}, "a").close()
subprocess.run(["/usr/bin/env", "true", "--password=hunter2"])
socket.create_connection(("127.0.0.1", {listener.port})).close()
with socket.socket() as closed:
    closed.bind(("127.0.0.1", 0))
    try:
        socket.create_connection(closed.getsockname())
    except ConnectionRefusedError:
        pass
""")
        if not watched(w):
            return
        # Somebody else does the same, outside of the workload's cgroup.
        subprocess.run(["/usr/bin/env", "cat", other], check=True)
        socket.create_connection(("127.0.0.1", listener.port)).close()

        files = await_records(w, f"kind=file resource.id={data} attributes.access=read")
        check(len(files) == 1, files)
        record = files[0]
        check(record["front"] == "kernel" and record["action"] == "open", record)
        check(record["principal.type"] == "Workload" and record["principal.id"], record)
        check(record["resource"] == f'File::"{data}"', record)
        check(record["product"] == "orders" and "decision" not in record, record)
        check(record["attributes"]["program"].startswith("python"), record)
        appends = await_records(w, f"kind=file resource.id={data} attributes.access=append")
        check(len(appends) == 1, appends)

        programs = await_records(w, "kind=process resource.id=*/env")
        check(len(programs) == 1 and programs[0]["action"] == "exec", programs)
        check(programs[0]["attributes"]["command"] == "/usr/bin/env", programs)
        check("hunter2" not in json.dumps(find(w, "front=kernel")), "arguments are not recorded")
        await_records(w, "kind=process resource.id=*/python*")  # its own start, the very first

        made = await_records(w, f"kind=network resource.id=127.0.0.1:{listener.port}")
        check(len(made) == 1 and made[0]["action"] == "connect", made)
        check(made[0]["resource.type"] == "Endpoint" and "reason" not in made[0], made)
        refused = await_records(w, "kind=network reason=connection_failed")
        check(refused[0]["attributes"]["error"] == "ECONNREFUSED", refused)

        everything = json.dumps(find(w, "front=kernel | limit 10000"))
        for foreign in (other, "/cat", "outrider-agent", "outrider-collector"):
            check(foreign not in everything, f"{foreign} is none of the workload's")
        check("/libc.so" not in everything, "libraries are left out")
        running = find(w, "action=observe reason=tap_running") + \
            find(w, "action=observe reason=tap_limited")
        check(len(running) == 1 and running[0]["attributes"]["tier"] == "T1", running)
        row = w.audit(f"kind=file resource.id={data} attributes.access=append")[0]
        why = w.cli("why", row["id"]).out
        check_has(why, f'open File::"{data}"')
        check_has(why, "nobody was asked: it was seen")
        check_has(why, "access = append")
        doctor = w.cli("doctor", check_code=None).out
        check_has(doctor, "kernel's view")
        check_has(doctor, "T1: process starts yes, connections yes")
        check_has(w.cli("verify").out, "complete and unchanged")
        metrics = w.agent_admin("/metrics").body
        check_has(metrics, "outrider_tap_tier 1")
        with open(f"/proc/{tap(w)['pid']}/status") as f:
            held = int(re.search(r"CapEff:\s*(\w+)", f.read()).group(1), 16)
        check(held & ~(1 << CAP_BPF) == 0, f"the tap holds capabilities: {held:x}")
        cgroup = cgroup_of(w.workload_pid)
        check(re.search(r"/outrider-\d+$", cgroup), cgroup)
        w.runs[0].send_signal(signal.SIGTERM)
        w.runs[0].wait(60)
        check(not glob_cgroup(cgroup), f"{cgroup} is left behind")
        stopped = find(w, "action=observe reason=tap_stopped")
        check(len(stopped) == 1, stopped)


def cgroup_of(pid):
    with open(f"/proc/{pid}/cgroup") as f:
        return next(line.strip()[3:] for line in f if line.startswith("0::"))


def glob_cgroup(path):
    with open("/proc/self/mountinfo") as f:
        mounts = [line.split()[4] for line in f if " - cgroup2 " in line]
    return [m + path for m in mounts if os.path.isdir(m + path)]


def a_flood_is_bounded_and_counted():
    with World() as w:
        w.up()
        many = w.path("many")
        os.mkdir(many)
        with open(w.path("same"), "w"):
            pass
        os.environ.update(OUTRIDER_TAP_WINDOW="1s", OUTRIDER_TAP_RATE="10")
        try:
            run(w, f"""
import os, subprocess
if os.path.exists({w.path("go")!r}):
    for i in range(20000):
        os.close(os.open({w.path("same")!r}, os.O_RDONLY))
    for i in range(5000):
        os.close(os.open({many!r} + "/" + str(i), os.O_WRONLY | os.O_CREAT))
    subprocess.run(["/usr/bin/env", "true"])
""")
        finally:
            del os.environ["OUTRIDER_TAP_WINDOW"], os.environ["OUTRIDER_TAP_RATE"]
        if not watched(w):
            return
        open(w.path("go"), "w").close()
        again(w)
        # A flood of files hides no process.
        await_records(w, "kind=process resource.id=*/env")
        state = wait_for("what was seen", lambda: (lambda s: s["seen"] >= 25000 and s)(tap(w)))
        # Decisions have their room.
        check(w.get("/orders?limit=1", w.token("alice", clearance=2)).status == 200, "the gate")
        incomplete = await_records(w, "action=observe reason=observation_incomplete")
        check(any(int(v) > 0 for v in incomplete[0]["attributes"].values()), incomplete)

        def adds_up():
            """seen = ignored + what records tell + what is known to be missing."""
            state = tap(w)
            rows = find(w, "front=kernel action!=observe | limit 10000")
            # what was met by looking after a loss was not seen to happen
            told = sum(int(r["attributes"].get("count", 1)) for r in rows
                       if "found" not in r["attributes"])
            lost = sum(state["dropped"].values())
            return (state["seen"] == state["ignored"] + told + lost) and (state, rows)
        state, rows = wait_for("the numbers to add up", adds_up)
        files = [r for r in rows if r["kind"] == "file"]
        # ten seconds' worth at once, and the rate since then
        check(len(files) < 1000, f"{len(files)} records of files")
        same = [r for r in files if r["resource.id"] == w.path("same")]
        check(same, "the first opening of a file that is opened on and on")
        check(len(same) < 20, f"{len(same)} records of one file")
        w.shipped()
        check_has(w.cli("verify").out, "complete and unchanged")


def a_killed_tap_is_started_again():
    with World() as w:
        w.up()
        run(w, f"""
import os
if os.path.exists({w.path("late")!r}):
    open({w.path("late")!r}).close()
""")
        if not watched(w):
            return
        first = tap(w)["pid"]
        w.kill(first)
        state = wait_for("another tap", lambda: (lambda s: s["pid"] not in (0, first) and s)(tap(w)))
        check(state["restarts"] == 1 and state["ended"] == "signal 9", state)
        check_has(w.cli("doctor", check_code=None).out, "started again 1 times, last after signal 9")
        check_has(w.agent_admin("/metrics").body, "outrider_tap_restarts_total 1")
        open(w.path("late"), "w").close()
        again(w)
        await_records(w, f"kind=file resource.id={w.path('late')}")
        # A new agent learns what is watched, and goes on.
        w.kill(w.endpoint("agents/orders")["pid"])

        def knows():
            try:
                return tap(w)["tier"] == "T1"
            except (OSError, ValueError):
                return False
        wait_for("the new agent", knows)


def switched_off_is_said():
    with World() as w:
        w.up()
        run(w, "pass", "--no-tap")
        state = wait_for("the reason", lambda: (lambda s: s["state"] == "absent" and s)(tap(w)))
        check(state["tier"] == "T0" and "--no-tap" in state["why"], state)
        record = await_records(w, "action=observe reason=tap_absent")[0]
        check(record["attributes"]["tier"] == "T0", record)
        check_has(record["attributes"]["why"], "--no-tap")
        check_has(w.cli("doctor", check_code=None).out, "T0: switched off with --no-tap")
        check_has(w.agent_admin("/metrics").body, "outrider_tap_tier 0")
        w.kill(w.endpoint("agents/orders")["pid"])

        def knows():
            try:
                return tap(w)["state"] == "absent" and "--no-tap" in tap(w)["why"]
            except (OSError, ValueError):
                return False
        wait_for("the new agent to know why", knows)
        check(not find(w, "front=kernel kind=file"), "nothing is watched")


def as_nobody(w):
    """A copy of the programs and the example that an ordinary user can reach, and its `outrider`."""
    os.chmod(w.dir, 0o755)
    home = w.path("nobody")
    os.mkdir(home)
    for name in ("outrider", "outrider-agent", "outrider-collector"):
        shutil.copy2(os.path.join(BIN, name), home)
    shutil.copytree(os.path.join(ROOT, "examples/orders"), os.path.join(home, "orders"))
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home], check=True)
    return home, ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                  os.path.join(home, "outrider")]


def why_absent(call):
    out = call("audit", "--json", "action=observe reason=tap_absent").stdout.splitlines()
    rows = [json.loads(line) for line in out]
    return rows and "record" in rows[0] and rows[0]["record"]["attributes"]


def without_privilege_the_tier_says_why():
    if os.getuid() != 0 or not shutil.which("setpriv"):
        print("skip: needs root and setpriv to become an ordinary user")
        return
    with World() as w:
        home, outrider = as_nobody(w)
        env = dict(os.environ, OUTRIDER_HOME=os.path.join(home, "state"), HOME=home)

        def call(*args):
            return subprocess.run([*outrider, *args], env=env, cwd=home, text=True,
                                  capture_output=True, timeout=120)
        doctor = call("doctor").stdout
        check(re.search(r"kernel's view +T0: .*CAP_BPF", doctor), doctor)
        up = call("up", "--listen", "127.0.0.1:0")
        check(up.returncode == 0, up)
        try:
            check(call("token", "issuer", "new", "--issuer", "https://i.example").returncode == 0, "")
            work = subprocess.Popen([*outrider, "run", "--product", "orders/dataproduct.yaml",
                                     "--listen", "127.0.0.1:0", "--", "cat"], env=env, cwd=home,
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            record = wait_for("the record that says why", lambda: why_absent(call))
            check(record["tier"] == "T0" and "cgroup" in record["why"], record)
            check(re.search(r"kernel's view +T0: .*cgroup", call("doctor").stdout), "doctor")
            work.stdin.close()  # cat ends, and the workload with it
            check(work.wait(60) == 0, "the workload ran all the same")
        finally:
            call("down")


main(what_the_workload_does_is_recorded, a_flood_is_bounded_and_counted,
     a_killed_tap_is_started_again, switched_off_is_said, without_privilege_the_tier_says_why)
