#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The catalogue: what agents say of their products is found, with who reads them."""
import datetime
import glob
import http.client
import json
import os
import shutil
import subprocess

from telemetry import delivered, intake, lineage_event, post
from world import ORDERS, World, check, check_has, main, wait_for


def products(w, *words, code=0):
    return json.loads(w.cli("products", "--json", *words, check_code=code).out)


def one(w, *words):
    found = products(w, *words)["products"]
    check(len(found) == 1, f"products {words}: {found}")
    return found[0]


def known(w):
    return wait_for("the catalogue", lambda: products(w, code=None)["products"])[0]


def dora(w):
    return json.loads(w.cli("dora", "--json", "orders").out)


def reads(w, n):
    """Waits until the catalogue has counted n allowed reads."""
    w.shipped()
    return wait_for(f"{n} reads", lambda: (p := known(w))["reads"] >= n and p)


def kill(w, pid):
    """Returns once it is dead, waited for or not."""
    def is_dead():
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True
    w.kill(pid)
    wait_for("its end", is_dead)


def own_repository(w):
    """A copy of the example in a repository of its own, committed a day ago."""
    folder = w.path("product")
    shutil.copytree(ORDERS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    env = dict(os.environ, GIT_COMMITTER_DATE="2026-01-05T08:00:00Z", HOME=w.dir,
               GIT_CONFIG_NOSYSTEM="1")
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "orders"]):
        subprocess.run([*git, *words], check=True, env=env)
    out = subprocess.run([*git, "rev-parse", "HEAD"], check=True, env=env, capture_output=True)
    return folder, out.stdout.decode().strip()


def a_product_is_found_by_what_it_says():
    with World() as w:
        w.up()
        w.run_orders()
        p = known(w)
        check(p["id"] == "orders" and p["name"] == "Orders" and p["domain"] == "sales", p)
        check(p["owner"] == "mia.keller@shop.example" and p["version"] == "1.2.0", p)
        check(p["class"] == "confidential" and p["tags"] == ["orders", "customers"], p)
        ports = {(x["direction"], x["name"]): x for x in p["ports"]}
        check(set(ports) == {("out", "orders"), ("out", "totals"), ("in", "shop-checkouts")}, p)
        check(ports["out", "orders"]["contract"] == "orders-v1", ports)
        check(ports["out", "orders"]["contract_version"] == "1.2.0", ports)
        check(ports["out", "orders"]["class"] == "confidential", ports)
        check(p["readers"] == 0 and p["last_read"] is None, p)
        for words in (["ORDERS"], ["column:customer_email"], ["tag:personal"], ["web", "shop"],
                      ["mia"], ["domain:sales", "column:sku"]):
            check(one(w, *words)["id"] == "orders", words)
        matches = one(w, "customer_email")["found_in"]
        check({"in": "column", "text": "orders.customer_email"} in matches, matches)
        nothing = products(w, "tag:sku", code=1)
        check(nothing["products"] == [] and nothing["known"] == 1, nothing)
        text = w.cli("products", "email").out
        check_has(text, "orders  Orders 1.2.0, active, confidential")
        check_has(text, "mia.keller@shop.example")
        check_has(w.cli("products", "colum:email", check_code=2).err, 'did you mean "column:"')


def readers_are_counted_over_restarts_and_can_be_counted_again():
    with World() as w:
        w.up()
        w.run_orders()
        ana = w.token("ana", "--claim", "clearance=2", domain="marketing")
        bob = w.token("bob", "--claim", "clearance=1")
        check(w.get("/orders", token=ana).status == 200, "ana")
        check(w.get("/orders", token=ana).status == 200, "ana")
        check(w.get("/totals", token=bob).status == 200, "bob")
        check(w.get("/orders", token=bob).status == 403, "bob's clearance")
        p = reads(w, 3)
        check(p["reads"] == 3 and p["readers"] == 2, p)
        by = {r["id"]: r for r in p["read_by"]}
        ana_id = next(i for i in by if i.endswith("ana"))
        bob_id = next(i for i in by if i.endswith("bob"))
        check(by[ana_id]["reads"] == 2 and by[ana_id]["domain"] == "marketing", by)
        check(by[bob_id]["reads"] == 1 and by[bob_id]["domain"] is None, by)
        why = w.cli("why", p["last_read_record"]).out
        check_has(why, "allow")
        check_has(why, "/totals")

        kill(w, w.endpoint("collector")["pid"])
        w.up()
        again = known(w)
        check(again["reads"] == 3 and again["read_by"] == p["read_by"], again)

        # Without its file the catalogue is made anew: readers from the log, the rest by agents.
        w.cli("down")
        for path in glob.glob(os.path.join(w.state, "collector", "catalogue.db*")):
            os.unlink(path)
        w.up()
        kill(w, w.endpoint("agents/orders")["pid"])  # outrider run starts another one
        again = reads(w, 3)
        check(again["reads"] == 3 and again["read_by"] == p["read_by"], again)


def a_changed_contract_is_seen_while_it_runs():
    with World() as w:
        folder, commit = own_repository(w)
        w.up()
        w.run_orders(product=f"{folder}/dataproduct.yaml")
        p = known(w)
        check(p["commit"] == commit and p["modified"] is False, p)
        check(p["committed"].startswith("2026-01-05T08:00:00"), p)
        path = f"{folder}/totals.odcs.yaml"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("version: 1.0.0", "version: 1.1.0", 1))
        wait_for("the new version", lambda: any(
            c["id"] == "totals-v1" and c["version"] == "1.1.0" for c in known(w)["contracts"]))
        versions = [c["version"] for c in known(w)["contracts"] if c["id"] == "totals-v1"]
        check(versions == ["1.0.0", "1.1.0"], versions)
        # What is wrong is not taken; what was right stays.
        with open(path, "w", encoding="utf-8") as f:
            f.write("kind: nonsense\n")
        log = os.path.join(w.state, "agents/orders/agent.log")
        wait_for("the warning", lambda: "product.unreadable" in open(log, encoding="utf-8").read())
        versions = [c["version"] for c in known(w)["contracts"] if c["id"] == "totals-v1"]
        check(versions == ["1.0.0", "1.1.0"], versions)


def dora_says_what_was_recorded_and_what_was_not():
    with World() as w:
        folder, commit = own_repository(w)
        w.up()
        w.run_orders(product=f"{folder}/dataproduct.yaml")
        w.shipped()
        figures = wait_for("the deployment", lambda: (
            d := json.loads(w.cli("dora", "--json", "orders", check_code=None).out or "{}")
        ).get("deployments", {}).get("count") and d)
        (d,) = figures["deployments"]["newest"]
        check(d["version"] == "1.2.0" and d["commit"] == commit, d)
        check(d["modified"] is False and d["starts"] == 1, d)
        check(figures["commit_to_start"]["median_ns"] == d["to_start_ns"] > 86400 * 10**9, d)
        check("absent" in figures["lead_time"] and "absent" in figures["failures"], figures)
        check("absent" in figures["first_read_elsewhere"], figures)
        (row,) = w.audit("product=orders kind=pipeline action=start")
        check(row["id"] == d["record"], row)
        check(row["record"]["attributes"]["commit"] == commit, row)

        own = w.token("olga", "--claim", "clearance=2", domain="sales")
        other = w.token("ana", "--claim", "clearance=2", domain="marketing")
        check(w.get("/orders", token=own).status == 200, "olga")
        check(w.get("/orders", token=other).status == 200, "ana")
        reads(w, 2)
        first = dora(w)["first_read_elsewhere"]
        check(first["domain"] == "marketing" and first["product_domain"] == "sales", first)
        check(first["principal"].endswith("ana") and first["ns"] > 0, first)
        check(first["first_seen_record"] == d["record"], first)
        check_has(w.cli("why", first["record"]).out, "ana")
        text = w.cli("dora", "orders").out
        check_has(text, "not known: no run of this product was reported")
        check_has(text, "first read by")
        check_has(w.cli("dora", "nothing", check_code=None).err, "no agent has told")


def dora_counts_runs_and_their_failures():
    with World() as w:
        folder, commit = own_repository(w)
        w.up()
        w.run_orders(product=f"{folder}/dataproduct.yaml")
        known(w)
        now = datetime.datetime.now(datetime.timezone.utc)
        for run, state, minutes in (("one", "FAIL", 1), ("two", "COMPLETE", 2), ("two", "COMPLETE", 2),
                                    ("three", "COMPLETE", 3)):
            event = lineage_event(run, state)
            event["eventTime"] = (now + datetime.timedelta(minutes=minutes)).isoformat()
            check(post(intake(w), "/api/v1/lineage", event)[0] == 201, event)
        delivered(w)

        def counted():
            d = dora(w)
            return d["failures"].get("runs") == 3 and d

        for again in (False, True):
            d = wait_for("the runs", counted)
            check(d["failures"]["count"] == 1, d)
            check(d["failures"]["newest"][0]["run"] == "one", d)
            (lead,) = d["lead_time"]["from"]
            check(lead["run"] == "two" and lead["commit"] == commit, d)
            check(lead["ns"] == d["lead_time"]["median_ns"] > 86400 * 10**9, d)
            check(lead["start_record"] == d["deployments"]["newest"][0]["record"], d)
            check(known(w)["last_complete"] > d["deployments"]["newest"][0]["first_seen"], d)
            check_has(w.cli("dora", "orders").out, "from commit to first COMPLETE run")
            check_has(w.cli("products", "orders").out, " complete")
            if not again:  # the file is an index: it is made anew from what is stored
                w.cli("down")
                for path in glob.glob(os.path.join(w.state, "collector", "catalogue.db*")):
                    os.unlink(path)
                w.up()
                kill(w, w.endpoint("agents/orders")["pid"])
                reads_known = wait_for("the product", lambda: products(w, code=None)["products"])
                check(reads_known[0]["id"] == "orders", reads_known)
                wait_for("the start", lambda: dora(w)["deployments"]["count"])


def documents_need_a_proof():
    with World() as w:
        endpoint = w.up()
        w.run_orders()
        known(w)
        c = http.client.HTTPConnection(endpoint["url"].split("//")[1], timeout=20)
        for headers in ({}, {"Outrider-Frame": "AAAA"}, {"Outrider-Frame": "?"}):
            c.request("POST", "/v1/products", body="{}", headers=headers)
            answer = c.getresponse()
            body = json.loads(answer.read())
            check(answer.status == 400 and body["error"] == "frame", body)
        c.request("GET", "/v1/products")
        answer = c.getresponse()
        answer.read()
        check(answer.status == 401, answer.status)


if __name__ == "__main__":
    main(a_product_is_found_by_what_it_says,
         readers_are_counted_over_restarts_and_can_be_counted_again,
         a_changed_contract_is_seen_while_it_runs,
         dora_says_what_was_recorded_and_what_was_not,
         dora_counts_runs_and_their_failures,
         documents_need_a_proof)
