# SPDX-License-Identifier: Apache-2.0
"""The tap beside real load, one JSON line a figure: ebpf.py [PAIRS].

The load runs in a cgroup of its own, once with a tap that watches it and once without, in turn; the
figure is the median over pairs of what the tap takes away. Where the runs without it spread more than
10 % (the middle half, of its median) that is said: the figure then says little.
"""
import glob
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from ports import free_port

AGENT = os.path.join(os.environ["OUTRIDER_BIN"], "outrider-agent")
OPENS = 100_000
SECONDS = 3


def put(**figure):
    print(json.dumps({"bench": "ebpf", **figure}), flush=True)


def cgroup_mount():
    with open("/proc/self/mountinfo") as f:
        return next(line.split()[4] for line in f if " - cgroup2 " in line)


class Cgroup:
    def __enter__(self):
        self.dir = os.path.join(cgroup_mount(), f"outrider-bench-{os.getpid()}")
        os.mkdir(self.dir)
        return self

    def enter(self):
        with open(os.path.join(self.dir, "cgroup.procs"), "w") as f:
            f.write("0")

    def __exit__(self, *_):
        for _ in range(100):
            try:
                return os.rmdir(self.dir)
            except OSError:
                time.sleep(0.1)


class Tap:
    """outrider-agent --role tap, as outrider run starts it; its notes are read and dropped."""

    def __init__(self, cgroup, state):
        self.mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ready, told = os.pipe()
        self.process = subprocess.Popen(
            [AGENT, "--role", "tap", "--product", "examples/orders/dataproduct.yaml", "--state", state,
             "--tap.cgroup", cgroup.dir, "--tap.fd", str(theirs.fileno()), "--gate.upstream", "127.0.0.1:9", "--bundle.file", "none",
             "--bundle.keys", "none", "--collector.url", "http://127.0.0.1:9", "--ready-fd", str(told)],
            pass_fds=[theirs.fileno(), told], stderr=subprocess.DEVNULL)
        theirs.close()
        os.close(told)
        if not os.read(ready, 1):
            raise RuntimeError("the tap does not start")
        os.close(ready)
        self.mine.setblocking(False)

    def read_notes(self):
        try:
            while self.mine.recv(4096):
                pass
        except BlockingIOError:
            pass

    def cpu_ms(self):
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(path) as f:
                total += int(f.read().split()[0])
        return total / 1e6

    def pss_mib(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024

    def watches(self):
        return self.process.poll() is None

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.mine.close()


def measure_tap(cgroup, state):
    """A thousand files, opened over and over: what an event costs the tap, sieve and notes included."""
    tap = Tap(cgroup, state)
    if not tap.watches():
        print("no tap: nothing can be watched here (outrider doctor says why)", file=sys.stderr)
        return False
    work = f"""
import os
for i in range({OPENS}):
    os.close(os.open({state!r} + "/f" + str(i % 1000), os.O_WRONLY | os.O_CREAT))
"""
    before = tap.cpu_ms()
    load = subprocess.Popen([sys.executable, "-c", work], preexec_fn=cgroup.enter)
    while load.poll() is None:
        tap.read_notes()
        time.sleep(0.01)
    time.sleep(0.5)
    tap.read_notes()
    put(agent_cpu_ms_per_1000=round((tap.cpu_ms() - before) * 1000 / OPENS, 3), events=OPENS)
    put(process="tap", pss_mib=round(tap.pss_mib(), 2))
    tap.close()
    return True


def await_port(port):
    for _ in range(100):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")


class Redis:
    name = "redis-benchmark"

    def __init__(self, cgroup, dir_):
        self.port, self.cgroup = free_port(), cgroup
        self.server = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", dir_], stdout=subprocess.DEVNULL, preexec_fn=cgroup.enter)
        await_port(self.port)

    def run(self):
        out = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-t", "get", "-n", "150000", "-c", "20", "--csv"],
            capture_output=True, text=True, check=True, preexec_fn=self.cgroup.enter).stdout
        return float(re.search(r'"GET","([\d.]+)"', out).group(1))

    def close(self):
        self.server.terminate()
        self.server.wait(20)


class Postgres:
    name = "pgbench"

    def __init__(self, cgroup, dir_):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.port, self.cgroup, self.dir = free_port(), cgroup, dir_
        shutil.chown(dir_, "postgres")
        self.data = os.path.join(dir_, "data")
        self.as_user(f"{self.bin}/initdb", "-D", self.data, "-A", "trust")
        self.server = subprocess.Popen(
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
             f"{self.bin}/postgres", "-D", self.data, "-p", str(self.port), "-k", dir_,
             "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=cgroup.enter)
        for _ in range(100):
            if subprocess.run([f"{self.bin}/pg_isready", "-qh", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0:
                break
            time.sleep(0.1)
        self.bench("-i", "-s", "2")

    def as_user(self, *argv):
        subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *argv],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    def bench(self, *argv):
        return subprocess.run(
            [f"{self.bin}/pgbench", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", *argv,
             "postgres"], capture_output=True, text=True, check=True,
            preexec_fn=self.cgroup.enter).stdout

    def run(self):
        out = self.bench("-S", "-n", "-T", str(SECONDS), "-c", "4")
        return float(re.search(r"tps = ([\d.]+)", out).group(1))

    def close(self):
        self.server.send_signal(signal.SIGINT)
        self.server.wait(20)


def measure_load(kind, cgroup, state, pairs):
    dir_ = tempfile.mkdtemp(prefix="outrider-bench-")
    try:
        load = kind(cgroup, dir_)
    except (OSError, IndexError) as e:
        print(f"no {kind.name}: {e}", file=sys.stderr)
        return
    without, costs = [], []
    try:
        load.run()
        for i in range(pairs):
            figures = {}
            for watched in (False, True) if i % 2 == 0 else (True, False):
                tap = Tap(cgroup, state) if watched else None
                figures[watched] = load.run()
                if tap:
                    tap.close()
            without.append(figures[False])
            costs.append(100 * (1 - figures[True] / figures[False]))
    finally:
        load.close()
        shutil.rmtree(dir_)
    quarters = statistics.quantiles(without, n=4)
    median = statistics.median(without)
    spread = 100 * (quarters[2] - quarters[0]) / median
    put(load=kind.name, pairs=pairs, without_per_s=round(median), median_cost_pct=round(
        statistics.median(costs), 2), quartiles_pct=[round(q, 2) for q in
                                                     statistics.quantiles(costs, n=4)[::2]],
        base_spread_pct=round(spread, 1), steady=spread <= 10)


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    state = tempfile.mkdtemp(prefix="outrider-bench-")
    with Cgroup() as cgroup:
        try:
            if measure_tap(cgroup, state):
                for kind in (Redis, Postgres):
                    measure_load(kind, cgroup, state, pairs)
        finally:
            shutil.rmtree(state)


main()
