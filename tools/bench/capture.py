# SPDX-License-Identifier: Apache-2.0
"""What reading a log file into Kafka costs, beside rsyslog and, where it can be built, OpenTelemetry's
Collector, on the same file and broker, in one call.

capture.py [--records LINES] [--rate RATE]. Lines have 295 bytes. CPU is the reading process's own, all
threads; memory is its highest resident set. Lost and doubled lines are counted in the topic after the
process was killed twice (kill -9) while a file grew at RATE lines a second; a message that is there
twice, byte for byte and with the same signed number, counts once for ours, as the collector takes it
once. Ours is compared without redaction, which the others have not; what it costs is a line of its own,
and all lines behind it have it. The codec is read from the batches that the broker holds.
Latency is from before a line is written until a consumer has it, which is after it is acknowledged.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import threading
import time

from idle import pss_mib, switches
from telemetry import intake, post
from world import World, alive, check, wait_for

options = argparse.ArgumentParser(prog="./dev bench capture")
options.add_argument("--records", type=int, default=1_000_000, metavar="LINES")
options.add_argument("--rate", type=int, default=20_000, help="of the file that is killed under")
options = options.parse_args()
LINE, LINES, RATE = 295, options.records, options.rate
OTELCOL = os.environ.get("OTELCOL")  # the program, where it could be built
LATENCY_S, LATENCY_RATE = 10, 10_000
GROW_S, OTLP_S, OTLP_RATE, A_REQUEST = 8, 10, 10_000, 100
CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
MIB = 1 << 20
WORDS = ("checkout", "cart", "order", "payment", "shipped", "customer", "retry", "timeout", "cache",
         "eu-west", "GET", "POST", "latency_ms", "status", "accepted", "rejected")


def line(n):
    """Of LINE bytes with its line feed: the number, and words that differ from line to line."""
    text = f"2026-11-24T11:{n // 60000 % 60:02}:{n // 1000 % 60:02}.{n % 1000:03}Z INFO seq={n:09} "
    k = n
    while len(text) < LINE:
        k = (k * 1103515245 + 12345) & 0x7fffffff
        text += f"{WORDS[k >> 8 & 15]}={k >> 12 & 0xffff:x} "
    return text[:LINE - 1] + "\n"


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_kib(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return next(int(text.split()[1]) for text in f if text.startswith(key))


def say(case, **figures):
    print(json.dumps({"bench": "capture", "case": case, **figures}), flush=True)


def codec(w, topic):
    """Of the last batch that the broker holds (the low bits of its attributes)."""
    folder = w.path("kafka", "data", f"{topic}-0")
    name = sorted(n for n in os.listdir(folder) if n.endswith(".log"))[-1]
    with open(os.path.join(folder, name), "rb") as f:
        return CODECS[f.read(23)[22] & 7]


def consume(w, topic, start, *how):
    return subprocess.Popen(["kcat", "-b", w.kafka.read("brokers"), "-C", "-q", "-u", "-t", topic,
                             "-o", str(start), "-f", "%S:%s", *how], stdout=subprocess.PIPE,
                            stdin=subprocess.DEVNULL)


def bodies(p):
    """The messages that kcat writes, one after the other."""
    while True:
        head = b""
        while not head.endswith(b":"):
            byte = p.stdout.read(1)
            if not byte:
                return
            head += byte
        yield p.stdout.read(int(head[:-1]))


def messages(w, topic, start):
    """The messages of the topic from that offset on, up to its end."""
    p = consume(w, topic, start, "-e")
    yield from bodies(p)
    check(p.wait() == 0, "kcat")


def judge(w, topic, start, n, once):
    """(lost, doubled) of the lines 0 to n - 1. once: the same message twice counts once."""
    count, seen = {}, set()
    for body in messages(w, topic, start):
        if once:
            if body in seen:
                continue
            seen.add(body)
        for number in re.findall(rb"seq=(\d{9})", body):
            count[int(number)] = count.get(int(number), 0) + 1
    return sum(1 for i in range(n) if i not in count), sum(c - 1 for c in count.values())


class Growing(threading.Thread):
    """A file that grows at RATE lines a second."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.written = path, 0

    def run(self):
        begin = time.monotonic()
        with open(self.path, "w") as f:
            while self.written < RATE * GROW_S:
                due = min(int((time.monotonic() - begin) * RATE), RATE * GROW_S)
                f.write("".join(line(n) for n in range(self.written, due)))
                f.flush()
                self.written = due
                time.sleep(0.01)


# ---- ours

def agent(w):
    return w.endpoint("agents/orders")["pid"]


def metric(w, name):
    text = w.agent_admin("/metrics").body
    return next((float(x.split()[-1]) for x in text.splitlines() if x.startswith(name + " ")), 0.0)


def has_sent(w, size):
    try:
        return metric(w, "outrider_files_bytes_total") >= size and \
            w.agent_admin("/v1/status").json()["telemetry"]["pending"] == 0
    except (OSError, ValueError, KeyError):
        return False


def start_ours(w, pattern, redact):
    w.env = {**w.kafka.environment(), "OUTRIDER_CAPTURE_FILES": json.dumps([{"path": pattern}])}
    if not redact:
        w.env["OUTRIDER_CAPTURE_REDACT"] = ""
    return w.run_orders()


def stop_ours(run):
    run.terminate()
    run.wait(60)


def measure_ours(w, file, folder, redact):
    os.mkdir(w.path(folder))
    run = start_ours(w, w.path(folder, "*.log"), redact)
    pid, size, start = agent(w), os.path.getsize(file), w.kafka.end("otlp_logs", 0)
    # A copy: another name of the same file would be known, and read already.
    shutil.copyfile(file, w.path(folder, "copy"))
    before = cpu_s(pid)
    os.rename(w.path(folder, "copy"), w.path(folder, "big.log"))
    wait_for("ours to be done", lambda: has_sent(w, size), 600)
    cost = (cpu_s(pid) - before) * 1000 / (size / MIB)
    rss = status_kib(pid, "VmHWM") / 1024
    check(codec(w, "otlp_logs") == "lz4", f"the broker holds {codec(w, 'otlp_logs')}")
    lost, doubled = judge(w, "otlp_logs", start, LINES, True)
    check(not lost and not doubled, f"without any kill {lost} lost, {doubled} doubled")
    stop_ours(run)
    return cost, rss


def kill_ours(w):
    os.mkdir(w.path("killed"))
    start = w.kafka.end("otlp_logs", 0)
    run = start_ours(w, w.path("killed", "*.log"), True)
    growing = Growing(w.path("killed", "grows.log"))
    growing.start()
    for share in (0.3, 0.7):
        wait_for("lines", lambda s=share: growing.written > RATE * GROW_S * s)
        pid = agent(w)
        w.kill(pid)
        wait_for("another agent", lambda p=pid: another(w, p))
    growing.join()
    wait_for("all of it", lambda: quiet(w) and
             w.agent_admin("/v1/status").json()["telemetry"]["pending"] == 0, 120)
    return run, *judge(w, "otlp_logs", start, RATE * GROW_S, True)


def another(w, old):
    try:
        return agent(w) != old and alive(agent(w))
    except (OSError, ValueError):
        return False


def quiet(w):
    """True where a second brings no more bytes."""
    before = metric(w, "outrider_files_bytes_total")
    time.sleep(1)
    return metric(w, "outrider_files_bytes_total") == before


def field(number, value):
    """A length-delimited field of protobuf."""
    n, length = len(value), b""
    while n > 127:
        length += bytes([n & 127 | 128])
        n >>= 7
    return bytes([number << 3 | 2]) + length + bytes([n]) + value


def requests(seconds, url):
    """OTLP/HTTP in protobuf at OTLP_RATE records a second."""
    records = b"".join(field(2, b"\x09" + (1764000000 * 10**9 + n).to_bytes(8, "little") +
                             field(5, field(1, line(n).strip().encode())))
                       for n in range(A_REQUEST))
    body, begin, sent = field(1, field(2, records)), time.monotonic(), 0
    while time.monotonic() < begin + seconds:
        if sent < (time.monotonic() - begin) * OTLP_RATE / A_REQUEST:
            if post(url, "/v1/logs", body, "application/x-protobuf")[0] == 200:
                sent += 1
        else:
            time.sleep(0.002)
    return sent * A_REQUEST / seconds


def measure_otlp(w):
    pid, url = agent(w), intake(w)
    before = cpu_s(pid)
    rate = requests(OTLP_S, url)
    say("otlp", cpu_percent=round((cpu_s(pid) - before) * 100 / OTLP_S, 2),
        rss_mib=round(status_kib(pid, "VmRSS") / 1024, 1), records_per_s=round(rate))
    w.kafka.stop()
    requests(OTLP_S, url)
    say("outage", rss_mib=round(status_kib(pid, "VmHWM") / 1024, 1))
    w.kafka.start()


def measure_idle(w):
    """The agent's processes, once nothing comes any more."""
    pids = [agent(w)]
    tap = w.agent_admin("/v1/status").json()["tap"]
    if tap["pid"]:
        pids.append(tap["pid"])
    last = [0]

    def rests():
        before, last[0] = last[0], sum(switches(pid) for pid in pids)
        time.sleep(1)
        return last[0] - before < 20
    wait_for("the agent to rest", rests, 120)
    before = sum(switches(pid) for pid in pids)
    time.sleep(10)
    say("idle", transport="kafka", pss_mib=round(sum(pss_mib(pid) for pid in pids), 2),
        wakeups_per_s=round((sum(switches(pid) for pid in pids) - before) / 10, 2))


# ---- how long a line takes

def write_timed(path):
    """Lines with the time at which they are written, at LATENCY_RATE a second."""
    begin, written = time.monotonic(), 0
    with open(path, "w") as f:
        while written < LATENCY_RATE * LATENCY_S:
            due = min(int((time.monotonic() - begin) * LATENCY_RATE), LATENCY_RATE * LATENCY_S)
            f.write("".join(f"at={time.time_ns()} {line(n)[24:]}" for n in range(written, due)))
            f.flush()
            written = due
            time.sleep(0.005)


def measure_latency(w):
    path = w.path("killed", "timed.log")
    p = consume(w, "otlp_logs", w.kafka.end("otlp_logs", 0))
    writer = threading.Thread(target=write_timed, args=(path,), daemon=True)
    writer.start()
    took = []
    for body in bodies(p):
        now = time.time_ns()
        took += [now - int(at) for at in re.findall(rb"at=(\d{19}) ", body)]
        if len(took) >= LATENCY_RATE * LATENCY_S:
            break
    p.terminate()
    p.wait()
    writer.join()
    took.sort()
    say("latency", p50_ms=round(took[len(took) // 2] / 1e6, 1),
        p99_ms=round(took[len(took) * 99 // 100] / 1e6, 1), max_ms=round(took[-1] / 1e6, 1),
        lines_per_s=LATENCY_RATE)


# ---- rsyslog

RSYSLOG = """
global(workDirectory="{state}")
module(load="imfile")
module(load="omkafka")
template(name="line" type="string" string="%msg%")
input(type="imfile" File="{file}" Tag="x" ruleset="out" PersistStateInterval="1000")
ruleset(name="out") {{
  action(type="omkafka" broker=["{brokers}"] topic="rsyslog" template="line"
    confParam=["compression.codec=lz4", "queue.buffering.max.ms=50", "acks=all",
               "socket.keepalive.enable=true"]
    resubmitOnFailure="on")
}}
"""


def start_rsyslog(w, file, state):
    os.makedirs(state, exist_ok=True)
    conf = os.path.join(state, "rsyslog.conf")
    with open(conf, "w") as f:
        f.write(RSYSLOG.format(state=state, file=file, brokers=w.kafka.read("brokers")))
    pid_file = os.path.join(state, "pid")
    if os.path.exists(pid_file):
        os.unlink(pid_file)
    return subprocess.Popen(["rsyslogd", "-n", "-f", conf, "-i", pid_file], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure_rsyslog(w, file):
    w.kafka.topics(1, "rsyslog")
    p = start_rsyslog(w, file, w.path("rsyslog"))
    wait_for("rsyslog to be done", lambda: w.kafka.end("rsyslog", 0) >= LINES, 600)
    cost = cpu_s(p.pid) * 1000 / (os.path.getsize(file) / MIB)
    rss = status_kib(p.pid, "VmHWM") / 1024
    kind = codec(w, "rsyslog")
    p.terminate()
    p.wait()
    return cost, rss, kind


def kill_rsyslog(w):
    start = w.kafka.end("rsyslog", 0)
    path = w.path("rsyslog-grows.log")
    open(path, "w").close()
    p = start_rsyslog(w, path, w.path("rsyslog2"))
    growing = Growing(path)
    growing.start()
    for share in (0.3, 0.7):
        wait_for("lines", lambda s=share: growing.written > RATE * GROW_S * s)
        p.kill()
        p.wait()
        p = start_rsyslog(w, path, w.path("rsyslog2"))
    growing.join()
    last = [-1]

    def done():
        time.sleep(1)
        before, last[0] = last[0], w.kafka.end("rsyslog", 0)
        return before == last[0]
    wait_for("rsyslog to rest", done, 120)
    p.terminate()
    p.wait()
    return judge(w, "rsyslog", start, RATE * GROW_S, False)


# ---- OpenTelemetry's Collector

def otelcol_config(w, name, pattern, state):
    """In memory, as it comes; or persistent: what its documentation says keeps everything."""
    keeps = name == "otelcol_persistent"
    receiver = {"include": [pattern], "start_at": "beginning"}
    queue = {"enabled": True}
    config = {"receivers": {"filelog": receiver},
              "exporters": {"kafka": {"brokers": [w.kafka.read("brokers")],
                                      "logs": {"topic": name, "encoding": "otlp_proto"},
                                      "producer": {"compression": "lz4", "required_acks": -1},
                                      "sending_queue": queue}},
              "service": {"telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
                          "pipelines": {"logs": {"receivers": ["filelog"], "exporters": ["kafka"]}}}}
    if keeps:
        receiver.update(storage="file_storage", retry_on_failure={"enabled": True})
        queue.update(storage="file_storage", block_on_overflow=True)
        config["extensions"] = {"file_storage": {"directory": state, "fsync": True}}
        config["service"]["extensions"] = ["file_storage"]
    return config


def start_otelcol(w, name, pattern, state):
    os.makedirs(state, exist_ok=True)
    conf = state + ".yaml"
    with open(conf, "w") as f:
        json.dump(otelcol_config(w, name, pattern, state), f)
    return subprocess.Popen([OTELCOL, "--config", f"file:{conf}"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=open(state + ".log", "a"))


def rests(w, topic, p):
    """Waits until three seconds bring no more messages."""
    last = [-1]

    def same():
        check(p.poll() is None, f"{topic} ended by itself")
        before, last[0] = last[0], w.kafka.end(topic, 0)
        if before != last[0] or not last[0]:
            time.sleep(3)
        return before == last[0] and last[0]
    wait_for(f"{topic} to rest", same, 900)


def measure_otelcol(w, name, file):
    w.kafka.topics(1, name)
    p = start_otelcol(w, name, file, w.path(name))
    rests(w, name, p)
    cost = cpu_s(p.pid) * 1000 / (os.path.getsize(file) / MIB)
    rss, kind = status_kib(p.pid, "VmHWM") / 1024, codec(w, name)
    p.terminate()
    p.wait()
    start, path = w.kafka.end(name, 0), w.path(name + "-grows.log")
    open(path, "w").close()
    growing = Growing(path)
    p = start_otelcol(w, name, path, w.path(name + "2"))
    growing.start()
    for share in (0.3, 0.7):
        wait_for("lines", lambda s=share: growing.written > RATE * GROW_S * s)
        p.kill()
        p.wait()
        p = start_otelcol(w, name, path, w.path(name + "2"))
    growing.join()
    rests(w, name, p)
    p.terminate()
    p.wait()
    lost, doubled = judge(w, name, start, RATE * GROW_S, False)
    say(name, cpu_ms_per_mib=round(cost, 2), rss_peak_mib=round(rss, 1), lost=lost, duplicates=doubled,
        codec=kind)


def run_all():
    with World(kafka=1) as w:
        file = w.path("big.log")
        with open(file, "w") as f:
            for n in range(LINES):
                f.write(line(n))
        w.up()
        ours, ours_rss = measure_ours(w, file, "plain", False)
        redacting, redacting_rss = measure_ours(w, file, "redacting", True)
        peer, peer_rss, kind = measure_rsyslog(w, file)
        run, lost, doubled = kill_ours(w)
        peer_lost, peer_doubled = kill_rsyslog(w)
        say("outrider", cpu_ms_per_mib=round(ours, 2), rss_peak_mib=round(ours_rss, 1), lost=lost,
            duplicates=doubled)
        say("redacting", cpu_ms_per_mib=round(redacting, 2), rss_peak_mib=round(redacting_rss, 1))
        say("rsyslog", cpu_ms_per_mib=round(peer, 2), rss_peak_mib=round(peer_rss, 1),
            lost=peer_lost, duplicates=peer_doubled, codec=kind)
        for name in ("otelcol", "otelcol_persistent") if OTELCOL else ():
            measure_otelcol(w, name, file)
        measure_idle(w)
        measure_latency(w)
        measure_otlp(w)
        say("summary", cpu_ratio_vs_rsyslog=round(ours / peer, 3), lines=LINES, codec="lz4")
        stop_ours(run)


run_all()
