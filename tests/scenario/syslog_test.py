# SPDX-License-Identifier: Apache-2.0
"""Syslog from real programs: util-linux's logger in each of its modes, and rsyslog."""
import json
import os
import shutil
import subprocess

from telemetry import eventually, rows
from world import World, check, main, wait_for


def start(w):
    """An agent that listens on each kind of socket; their addresses."""
    w.env = {"OUTRIDER_CAPTURE_SYSLOG": json.dumps(
        [{"listen": "udp://127.0.0.1:0"}, {"listen": "tcp://127.0.0.1:0"},
         {"listen": f"unix://{w.path('log')}"}, {"listen": f"unix-stream://{w.path('stream')}"}])}
    w.up()
    w.run_orders()
    found = w.agent_admin("/v1/status").json()["telemetry"]["syslog"]
    return dict(url.split("://", 1) for url in found)


def logger(*args):
    subprocess.run(["logger", *args], check=True, timeout=60, stdin=subprocess.DEVNULL)


def logger_is_taken_in_each_mode():
    if not shutil.which("logger"):
        print("skipped: there is no logger(1) here")
        return
    with World() as w:
        to = start(w)
        udp, tcp = to["udp"].rsplit(":", 1)[1], to["tcp"].rsplit(":", 1)[1]
        ways = {"udp": ["-n", "127.0.0.1", "-P", udp, "-d"],
                "tcp": ["-n", "127.0.0.1", "-P", tcp, "-T"],
                "counted": ["-n", "127.0.0.1", "-P", tcp, "-T", "--octet-count"],
                "unix": ["-u", to["unix"], "-d"],
                "stream": ["-u", to["unix-stream"], "-T"]}
        for way, args in ways.items():
            if way in ("unix", "stream"):
                logger(*args, "-p", "user.err", "-t", "shop", f"local {way} one")
                continue
            for rfc in ("3164", "5424"):
                sd = ["--sd-id", "order@32473", "--sd-param", 'number="17"'] if rfc == "5424" else []
                logger(*args, f"--rfc{rfc}", "-p", "user.err", "-t", "shop", *sd, f"net {way} {rfc}")
        found = eventually(w, "logs", "body=net* limit=100", 6)
        check({r["body"] for r in found} == {f"net {way} {rfc}" for way in ("udp", "tcp", "counted")
                                             for rfc in ("3164", "5424")}, f"{found}")
        found += eventually(w, "logs", "body=local* limit=100", 2)
        for r in found:
            a = r["attributes"]
            check(r["severity"].lower() in ("err", "error") and a["syslog.facility"] == 1 and
                  a["syslog.appname"] == "shop", f"{r}")
            if r["body"].endswith("5424"):
                check(a["syslog.sd.order@32473.number"] == "17" and a["host.name"], f"{r}")


LINES = 300
RSYSLOG = """
module(load="imfile")
global(workDirectory="{dir}")
input(type="imfile" File="{dir}/in.log" Tag="shop:")
template(name="udp" type="string" string="<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% udp: %msg%\\n")
action(type="omfwd" Target="127.0.0.1" Port="{tcp}" Protocol="tcp" TCP_Framing="octet-counted" Template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" Target="127.0.0.1" Port="{tcp}" Protocol="tcp" Template="RSYSLOG_TraditionalForwardFormat")
action(type="omfwd" Target="127.0.0.1" Port="{udp}" Protocol="udp" Template="udp")
"""


def rsyslog_is_taken():
    if not shutil.which("rsyslogd"):
        print("skipped: there is no rsyslogd here (tools/packages.txt, group capture)")
        return
    with World() as w:
        to = start(w)
        os.mkdir(w.path("rsyslog"))
        conf = w.path("rsyslog.conf")
        with open(conf, "w") as f:
            f.write(RSYSLOG.format(dir=w.path("rsyslog"), tcp=to["tcp"].rsplit(":", 1)[1],
                                   udp=to["udp"].rsplit(":", 1)[1]))
        with open(w.path("rsyslog", "in.log"), "w") as f:
            f.write("".join(f"line {i} of rsyslog\n" for i in range(LINES)))
        server = subprocess.Popen(["rsyslogd", "-n", "-f", conf, "-i", w.path("rsyslog", "pid")],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        w.runs.append(server)
        found = wait_for("what came over TCP", lambda: sent_by(w, "shop", 2 * LINES))
        bodies = [r["body"].strip() for r in found]
        check(len(found) == 2 * LINES and all(bodies.count(f"line {i} of rsyslog") == 2
                                              for i in range(LINES)), f"{len(bodies)}: {bodies[:5]}")
        # UDP may lose what the others may not.
        found = wait_for("datagrams", lambda: sent_by(w, "udp", 1))
        check(all(r["time"] and r["attributes"]["host.name"] for r in found), f"{found[0]}")


def sent_by(w, app, n):
    found = [r for r in rows(w, "logs", "body=*rsyslog* limit=2000")
             if r["attributes"].get("syslog.appname") == app]
    return found if len(found) >= n else None


if __name__ == "__main__":
    main(logger_is_taken_in_each_mode, rsyslog_is_taken)
