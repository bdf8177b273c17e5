# SPDX-License-Identifier: Apache-2.0
"""`outrider spool`: what waits in an agent is listed, shown, checked and mended."""
import glob
import json
import os
import subprocess

from telemetry import delivered, intake, logs_request, post, rows
from world import BIN, World, check, check_has, main, wait_for

LINES = 40


def lines(result):
    return [json.loads(line) for line in result.out.splitlines()]


def streams(w):
    return {x["name"] for x in lines(w.cli("spool", "ls", "--json")) if x["type"] == "stream"}


def segments(w):
    return sorted(glob.glob(os.path.join(w.state, "agents/orders/telemetry/*.seg")))


def spools_are_looked_at_and_mended():
    with World() as w:
        w.up()
        run = w.run_orders()
        w.get("/orders")
        w.shipped()
        wait_for("what was acknowledged to be on disk", lambda: any(
            name.startswith("outrider.audit/") for name in streams(w)))
        w.cli("down")
        for i in range(LINES):
            check(post(intake(w), "/v1/logs", logs_request(f"kept {i}"))[0] == 200, "taken into the spool")
        while_it_runs(w)
        run.terminate()
        run.wait(60)
        path, at = damage(w)
        found = lines(w.cli("spool", "verify", "--json", check_code=1))
        places = [x for x in found if x["type"] == "damage" and not x["harmless"]]
        check(len(places) == 1 and places[0]["file"] == os.path.basename(path) and
              places[0]["from"] <= at < places[0]["to"] and places[0]["what"] == "damaged", f"{found}")
        missing = sum(x["to"] + 1 - x["from"] for x in found if x["type"] == "missing")
        check(1 <= missing <= 2, f"{found}")
        before = open(path, "rb").read()
        check_has(w.cli("spool", "repair", "--dry-run", check_code=1).out, "would be taken out, kept as")
        check(open(path, "rb").read() == before, "a dry run changes nothing")
        check_has(w.cli("spool", "repair").out, f"{os.path.basename(path)}  damaged: bytes {places[0]['from']} to")
        (kept,) = glob.glob(path + ".*.cut")
        check(open(kept, "rb").read() == before[places[0]["from"]:places[0]["to"]], "what went is kept as it was")
        sums = [x for x in lines(w.cli("spool", "verify", "--json", check_code=1)) if x["type"] == "summary"]
        check([x["damaged"] for x in sums] == [0, 0] and sums[1]["missing"] == missing, f"{sums}")
        check_has(w.cli("spool", "repair").out, "nothing to repair")
        w.up()
        w.run_orders()
        delivered(w)
        check(len(rows(w, "logs", "body=kept* limit=1000")) == LINES - missing, "all the others arrive, once")


def while_it_runs(w):
    found = lines(w.cli("spool", "ls", "--json"))
    check(sum(x["records"] for x in found if x["type"] == "segment") >= LINES, f"{found}")
    check_has(w.cli("spool", "ls").out, " records")
    found = [x for x in lines(w.cli("spool", "cat", "--pending", "--stream", "otlp_logs"))
             if "kept" in json.dumps(x["record"])]
    bodies = [x["record"]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"]["stringValue"] for x in found]
    check(bodies == [f"kept {i}" for i in range(LINES)], f"{bodies}")
    (one,) = lines(w.cli("spool", "cat", "--stream", "outrider.audit", "--limit", "1"))
    check(one["record"]["product"] == "orders" and one["seq"] == 1, f"{one}")
    check("base64" in lines(w.cli("spool", "cat", "--raw", "--limit", "1"))[0], "raw")
    w.cli("spool", "verify")
    check_has(w.cli("spool", "repair", check_code=1).err, "an agent runs with this spool")
    check_has(w.cli("spool", "ls", "--product", "nobody", check_code=None).err, "no agent of nobody")
    w.cli("spool", "look", check_code=2)
    w.cli("spool", "ls", "/nowhere", check_code=3)


def what_passes_is_followed():
    with World() as w:
        w.up()
        w.run_orders()
        check(post(intake(w), "/v1/logs", logs_request("before"))[0] == 200, "taken")
        tap = subprocess.Popen([os.path.join(BIN, "outrider"), "tap", "--rate", "5", "logs"],
                               env={**os.environ, "OUTRIDER_HOME": w.state}, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        try:
            check_has(tap.stderr.readline(), "following")
            for i in range(LINES):
                check(post(intake(w), "/v1/logs", logs_request(f"mail x@example.org now {i}"))[0] == 200, "taken")
            seen = skipped = 0
            while seen + skipped < LINES:
                line = json.loads(tap.stdout.readline())
                skipped += line["records"] if line["type"] == "skipped" else 0
                if "now" in json.dumps(line.get("record")):
                    seen += 1
                    check("[redacted:mail]" in json.dumps(line) and line["stream"] == "otlp_logs/orders", f"{line}")
                check("before" not in json.dumps(line), f"{line}")
            check(seen >= 1, f"{seen} shown, {skipped} skipped")
        finally:
            tap.kill()
            tap.communicate()
        delivered(w)  # nobody's delivery was disturbed
        check(len(rows(w, "logs", "body=mail* limit=1000")) == LINES, "all of it arrives")
        w.cli("tap", "everything", check_code=2)


def damage(w):
    """Writes other bytes into a record in the middle of what waits."""
    path = segments(w)[-1]
    with open(path, "r+b") as f:
        data = f.read()
        at = data.index(f"kept {LINES // 2}".encode())
        f.seek(at)
        f.write(b"\xa5\xa5\xa5\xa5")
    return path, at


if __name__ == "__main__":
    main(spools_are_looked_at_and_mended, what_passes_is_followed)
