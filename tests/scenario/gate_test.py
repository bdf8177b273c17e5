# SPDX-License-Identifier: Apache-2.0
"""`outrider gate routes` by a product's files, `outrider gate try` by the agent that runs."""
import json

from world import ORDERS, World, check, check_has, main

PRODUCT = f"{ORDERS}/dataproduct.yaml"


def routes_are_those_of_the_files():
    with World() as w:
        text = w.cli("gate", "routes", PRODUCT).out
        rows = [line.split() for line in text.splitlines()]
        check(["/orders", "any", "orders", "by", "method", "confidential", "strict"] in rows, text)
        check(["/totals", "any", "totals", "by", "method", "internal", "async"] in rows, text)
        parsed = [json.loads(line)
                  for line in w.cli("gate", "routes", "--json", PRODUCT).out.splitlines()]
        check([r["path"] for r in parsed] == ["/orders", "/totals"], parsed)
        check_has(w.cli("gate", "routes", w.path("none.yaml"), check_code=None).err, "none.yaml")
        check(w.cli("gate", "routes", check_code=2).out == "", "usage belongs on stderr")


def a_try_is_decided_and_sent_nowhere():
    with World() as w:
        w.up()
        w.run_orders()
        alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)
        allowed = w.cli("gate", "try", "GET", "/orders?limit=1", "--as", alice).out
        check(allowed.startswith("allow policy_permit\n"), allowed)
        check_has(allowed, "analysts-read-within-clearance")
        check_has(allowed, "#alice")
        denied = w.cli("gate", "try", "GET", f"http://{w.gate}/orders", "--as", bob,
                       check_code=1).out
        check(denied.startswith("deny policy_forbid\n"), denied)
        check_has(denied, "confidential-needs-clearance")
        with open(w.path("token"), "w") as f:
            f.write(bob + "\n")
        answer = json.loads(w.cli("gate", "try", "GET", "/totals", "--json", "--as",
                                  "@" + w.path("token")).out)
        check(answer["result"]["allow"] is True, answer)
        unknown = w.cli("gate", "try", "GET", "/totals", "--as", "a.b.c", check_code=1).out
        check(unknown.startswith("deny unauthenticated\n"), unknown)
        check(w.cli("gate", "try", "GET", "/totals", "--as", bob, "--product", "other",
                    check_code=None).code == 3, "an agent that is not there")
        with open(w.path("run.log")) as f:
            check('"path": "/orders' not in f.read(), "the workload was asked")
        w.shipped()
        rows = [r["record"] for r in w.audit("front=decide since=1h")]
        check(sorted(r["decision"] for r in rows) == ["allow", "allow", "deny", "deny"], rows)


main(routes_are_those_of_the_files, a_try_is_decided_and_sent_nowhere)
