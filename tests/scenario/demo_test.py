# SPDX-License-Identifier: Apache-2.0
"""The demo as a newcomer runs it, with the output of each step checked by content; it takes less than
two minutes and leaves nothing behind."""
import os
import re
import subprocess
import tempfile
import time

from world import BIN, ROOT, check, check_has, main

RESULT_OF_VERIFY = "the audit trail is complete and unchanged"


def run(*args):
    """What it prints, its steps by their number, and the seconds it took."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        p = subprocess.run(["bash", "examples/demo.sh", *args], cwd=ROOT, text=True, timeout=280,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, env={**os.environ, "OUTRIDER_BIN": BIN,
                                                          "TMPDIR": work})
        check(p.returncode == 0, f"exit {p.returncode}:\n{p.stdout}")
        check(os.listdir(work) == [], f"left behind: {os.listdir(work)}")
    parts = re.split(r"(?m)^\d+\. ", p.stdout)
    return p.stdout, parts[1:], time.monotonic() - begin


def step(steps, words):
    """The text of the step whose title has these words."""
    found = [s for s in steps if words in s.split("\n   $ ")[0]]
    check(len(found) == 1, f"{len(found)} steps say {words!r}")
    return found[0]


def has(text, *patterns):
    for pattern in patterns:
        check(re.search(pattern, text), f"expected {pattern!r} in:\n{text}")


def decisions(steps):
    has(step(steps, "one signed bundle"),
        r"revision 1, 4 policies", r"SHA-256 [0-9a-f]{64}")
    asked = step(steps, "Three people ask")
    has(asked, r"(?s)ALICE.*?200  \[.*o-1006", r"(?s)\$BOB\S* \S*/orders\n   403  .*forbidden.*decision_id",
        r"(?s)CAROL.*?401", r"(?s)/totals\S*\n   200  \[")
    trail = step(steps, "Each decision is in the audit trail")
    has(trail, r"1 +orders +complete +deny", r"1 +orders +decision +allow",
        r"1 +orders +outcome +allow", r"1 +totals +complete +allow",
        r"deny +- .* 401 +token_expired", r"deny +\S+#bob +read +orders/orders +403 +policy_forbid")
    why = step(steps, "Why was Bob denied")
    has(why, r'deny  User::"\S+#bob" read Port::"orders/orders"',
        r"because +confidential-needs-clearance", r'"clearance":1', r"revision 1, SHA-256")


def captured(steps):
    kernel = step(steps, "What did the workload itself do")
    if "process starts yes" in kernel and "files yes" in kernel:
        has(kernel, r"T1: ", r"\d+ +exec +/\S*python\S*", r"open +/\S+/orders\.json", r"kind=network")
    else:
        has(kernel, r"kernel's view +T0: ", r"action=observe")
    kept = step(steps, "kept as logs")
    has(kept, r'stdout +\{.*"path": "/orders\?country=NL', r"orders\.rows +48 +\{row\}")
    has(step(steps, "OpenLineage events"), r"48 orders from \S+checkouts\.csv",
        r"data file \S+checkouts\.csv\n +└─▶ job orders refresh  COMPLETE \S+ \S+, 1 complete, 0 failed"
        r".*\n +└─▶ data file \S+orders\.json")


def answered(steps):
    alert = step(steps, "Bob does not give up")
    has(alert, r"firing +DeniedReads .*principal_id=\S+#bob severity=warning",
        r"FIRING DeniedReads: \S+#bob was denied 5 reads within 1m")
    check("RESOLVED" not in alert, "it fires still")
    found = step(steps, "What is there to find")
    has(found, r"orders  Orders 1\.2\.0, active, confidential", r"owner +mia\.keller@shop\.example",
        r"port +totals 1\.0\.0, contract totals-v1 1\.0\.0", r"User \S+#alice, domain marketing: 1",
        r"last run +\S+ \S+ complete", r"column orders\.order_id", r"failures +0 of 1 runs",
        r"deployments 1", r"adoption .* first read by \S+#alice of marketing")
    if "no commit" not in found:
        has(found, r"lead time +.+ from commit to first COMPLETE run \(median of 1\)")
    has(step(steps, "How does it run"), r"orders +127\.0\.0\.1:\d+ +[0-9.]+ .* connected +1")
    ended = step(steps, "Bob has been quiet")
    has(ended, r"RESOLVED DeniedReads: \S+#bob", r"DeniedReads +- +resolved", r"DeniedReads +- +firing")
    check(len(re.findall("(?m)^   FIRING", ended)) == 1, f"told once:\n{ended}")


def proven(steps):
    whole = step(steps, "The whole trail is proven")
    has(whole, r"ok +signature", r"ok +root", r"ok +continuity +\d+ records of 2 agents",
        RESULT_OF_VERIFY, r"the record is in the log")
    changed = step(steps, "Somebody changes one byte")
    has(changed, r"byte \d+: bob became eve", r"BAD  root",
        r"leaf \d+ in \d+\.seg at offset \d+: its bytes were changed", r"does not hold")


def the_demo(*args):
    text, steps, seconds = run(*args)
    check(seconds < 120, f"it took {seconds:.0f} s")
    decisions(steps)
    captured(steps)
    answered(steps)
    proven(steps)
    doctor = step(steps, "What is wrong here")
    transport = "kafka" if args else "http"
    has(doctor, rf"delivery +connected over {transport} ", r"telemetry +connected")
    check("\x1b" not in text, "no colours in a pipe")
    check_has(text, "That was the whole job")


def the_demo_over_http():
    the_demo()


if __name__ == "__main__":
    main(the_demo_over_http)
