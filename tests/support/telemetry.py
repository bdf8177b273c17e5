# SPDX-License-Identifier: Apache-2.0
"""What telemetry tests share: posting to the intake, reading back, and a virtual environment with the
official clients, made once outside of the clone (${XDG_CACHE_HOME:-~/.cache}/outrider/clients)."""
import fcntl
import http.client
import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

from world import check, wait_for

CLIENTS = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "openlineage-python",
           "jsonschema"]


def clients_python(*more):
    """The interpreter that has the official clients, and what else a test needs from PyPI; None where they cannot
    be installed here."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    directory = os.path.join(cache, "outrider", "clients")
    python = os.path.join(directory, "bin", "python3")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "done"), "a+") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        done.seek(0)
        missing = sorted({*CLIENTS, *more} - set(done.read().split()))
        if not missing:
            return python
        try:
            quiet = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                     "stderr": subprocess.DEVNULL, "timeout": 240}
            if not os.path.exists(python):
                subprocess.run([sys.executable, "-m", "venv", directory], **quiet)
            subprocess.run([python, "-m", "pip", "install", "-q", *missing], **quiet)
        except (OSError, subprocess.SubprocessError):
            return None
        done.write("".join(name + "\n" for name in missing))
    return python


def intake(w, product="orders"):
    return w.endpoint(f"agents/{product}")["intake"]


def post(url, path, body, content_type="application/json", headers=None, timeout=10):
    """(status, headers, body); raises OSError where there is no answer."""
    parts = urlsplit(url)
    c = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        c.request("POST", path, body, {"Content-Type": content_type, **(headers or {})})
        r = c.getresponse()
        return r.status, dict(r.getheaders()), r.read()
    except http.client.HTTPException as e:
        raise OSError(str(e)) from e
    finally:
        c.close()


def logs_request(*bodies):
    records = [{"timeUnixNano": "1764000000000000000", "severityNumber": 13,
                "body": {"stringValue": body}} for body in bodies]
    return {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "test"}, "logRecords": records}]}]}


def lineage_event(run, state="COMPLETE", job="job"):
    return {"eventType": state, "eventTime": "2026-11-24T11:00:00Z", "producer": "p:1",
            "schemaURL": "s:1", "run": {"runId": run}, "job": {"namespace": "test", "name": job},
            "inputs": [], "outputs": [{"namespace": "file", "name": f"/{run}"}]}


def delivered(w):
    """Waits until the collector has all telemetry that the agent holds."""
    def empty():
        try:
            return w.agent_admin("/v1/status").json()["telemetry"]["pending"] == 0
        except (OSError, ValueError, KeyError):
            return False
    wait_for("telemetry to be shipped", empty)
    if w.kafka:
        wait_for("the collector to read the telemetry in Kafka", w.is_telemetry_read)


def rows(w, verb, query):
    """The rows that `outrider VERB --json` gives, without the summary."""
    result = w.cli(verb, "--json", query, check_code=None)
    check(result.code in (0, 1), f"{verb} {query}: {result}")
    lines = [json.loads(line) for line in result.out.splitlines()]
    check(lines and "summary" in lines[-1], f"{verb} {query}: no summary in {result}")
    return lines[:-1]


def eventually(w, verb, query, n):
    """Waits until the query has n rows; more fail at once."""
    def enough():
        found = rows(w, verb, query)
        check(len(found) <= n, f"{verb} {query}: {len(found)} rows, not {n}: {found}")
        return found if len(found) == n else None
    return wait_for(f"{n} rows of {verb} {query}", enough)
