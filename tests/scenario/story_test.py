# SPDX-License-Identifier: Apache-2.0
"""The demo's story: token to proof, each output checked by content."""
import json
import os
import re
import shutil

from world import ISSUER, Failed, World, check, check_has, main


def people(w):
    w.issuer()
    return {
        "alice": w.token("alice", clearance=2, domain="marketing"),
        "bob": w.token("bob", clearance=1, domain="marketing"),
        "carol": w.token("carol", "--expired", clearance=2),
    }


def one(rows, what):
    check(len(rows) == 1, f"expected one {what}, got {json.dumps(rows, indent=1)}")
    return rows[0]


def story(kafka=None):
    with World(kafka) as w:
        w.up()
        w.run_orders()
        who = people(w)

        # Decisions.
        answer = w.get("/orders?country=NL&limit=2", who["alice"])
        check(answer.status == 200, f"alice: {answer}")
        rows = answer.json()
        check(rows and all(row["country"] == "NL" for row in rows), f"alice: {answer}")
        denied = w.get("/orders", who["bob"])
        check(denied.status == 403 and denied.json()["error"] == "forbidden", f"bob: {denied}")
        check(denied.json()["decision_id"], f"bob: {denied}")
        refused = w.get("/orders", who["carol"])
        check(refused.status == 401, f"carol: {refused}")
        check_has(refused.headers.get("WWW-Authenticate", ""), 'error="invalid_token"')
        check("expired" not in refused.body, f"the reason stays inside: {refused}")
        check(w.get("/orders").status == 401, "without a token")
        check(w.get("/totals?limit=1", who["bob"]).status == 200, "bob reads totals")
        check(w.get("/orders", who["alice"], method="BREW").status == 403, "an unknown method")
        check(w.get("/elsewhere", who["alice"]).status in (403, 404), "no such port")

        # Records: strict for the confidential port, async for the other.
        w.shipped()
        rows = w.audit("principal.id=*#alice port=orders request.method=GET request.path=/orders")
        phases = sorted(row["record"]["phase"] for row in rows)
        check(phases == ["decision", "outcome"], f"alice's record: {rows}")
        decision = next(r["record"] for r in rows if r["record"]["phase"] == "decision")
        outcome = next(r["record"] for r in rows if r["record"]["phase"] == "outcome")
        check(decision["decision"] == "allow", decision)
        check(decision["policies"] == ["analysts-read-within-clearance"], decision)
        check(decision["principal.id"] == f"{ISSUER}#alice", decision)
        check(decision["resource"] == 'Port::"orders/orders"', decision)
        check(decision["action"] == "read", decision)
        check(decision["bundle.revision"] == 1, decision)
        check(decision["trace_id"] == outcome["trace_id"], (decision, outcome))
        check(decision["span_id"] == outcome["span_id"], (decision, outcome))
        check(outcome["request.status"] == 200, outcome)
        check(outcome["request.bytes_out"] == len(answer.body.encode()), outcome)

        row = one(w.audit("decision=deny principal.id=*#bob request.method=GET"), "deny of bob")
        check(row["record"]["policies"] == ["confidential-needs-clearance"], row)
        check(row["record"]["request.status"] == 403, row)
        expired = one(w.audit("reason=token_expired"), "expired token")
        check(expired["record"]["decision"] == "deny", expired)
        totals = one(w.audit("port=totals principal.id=*#bob"), "record of totals")
        check(totals["record"]["phase"] == "complete", totals)
        check(totals["record"]["request.status"] == 200, totals)

        # What people see.
        table = w.cli("audit", "decision=deny since=1h").out
        for word in ("DECISION", "deny", "bob", "orders/orders", "token_expired", row["id"]):
            check_has(table, word)
        check("\x1b[" not in table, "colour in a pipe")
        counts = w.cli("audit", "product=orders kind=access | count by decision | top 5").out
        check(re.search(r"\d+\s+deny|deny\s+\d+", counts), counts)
        none = w.cli("audit", "principal.id=nobody", check_code=1)
        check_has(none.out, "nothing matches")
        why = w.cli("why", row["id"]).out
        for text in ("deny", "confidential-needs-clearance", "clearance", "outrider verify"):
            check_has(why, text)

        # Proof.
        first = w.cli("verify").out
        check_has(first, "the audit trail is complete and unchanged")
        check_has(first, "its key is pinned")
        again = w.cli("verify").out
        check_has(again, "seen last time are its beginning")
        report = json.loads(w.cli("verify", "--json").out)[0]
        check(report["ok"] and report["records"] >= 8 and report["streams"] >= 1, report)
        check_has(w.cli("verify", row["id"]).out, "the record is in the log")
        check_has(w.cli("doctor").out, "connected")

        # The same from the directory, then with one byte changed.
        for run in w.runs:
            run.terminate()
            run.wait(40)
        w.cli("down")
        check_has(w.cli("verify", "--dir", os.path.join(w.state, "collector")).out,
                  "complete and unchanged")
        copy = w.path("copy")
        shutil.copytree(os.path.join(w.state, "collector"), copy)
        name, offset = flip(copy, b"#bob", b"#eve")
        bad = w.cli("verify", "--dir", copy, check_code=1).out
        check_has(bad, "the audit trail does not hold")
        check_has(bad, name)
        check(re.search(r"leaf \d+", bad), bad)


def flip(root, old, new):
    """Changes the first place in a file of the shards that holds old."""
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if "shards" not in path:
                continue
            with open(path, "r+b") as f:
                data = f.read()
                at = data.find(old)
                if at >= 0:
                    f.seek(at)
                    f.write(new)
                    return name, at
    raise Failed(f"{old!r} is not in {root}")


def a_restart_of_everything_goes_on():
    with World() as w:
        w.up()
        run = w.run_orders()
        token = people(w)["alice"]
        check(w.get("/totals?limit=1", token).status == 200, "first life")
        w.shipped()
        run.terminate()
        check(run.wait(40) == 128 + 15 or run.returncode in (0, 143, -15), run.returncode)
        w.cli("down")
        w.up()
        w.run_orders()
        check(w.get("/totals?limit=1", token).status == 200, "second life")
        w.shipped()
        rows = w.audit("port=totals")
        check(len(rows) == 2 and len({r["record"]["epoch"] for r in rows}) == 1, rows)
        all_seqs = sorted(r["record"]["seq"] for r in w.audit("stream=outrider.audit/orders"))
        check(all_seqs == list(range(1, len(all_seqs) + 1)), all_seqs)
        check_has(w.cli("verify").out, "complete and unchanged")


if __name__ == "__main__":
    main(story, a_restart_of_everything_goes_on)
