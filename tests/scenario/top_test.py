#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`outrider top`: what agents do, once in a pipe and again and again on a terminal."""
import json
import os
import pty
import select
import threading

from world import BIN, World, check, check_has, main, wait_for


def it_measures_once_in_a_pipe():
    with World() as w:
        check_has(w.cli("top", check_code=1).out, "no agent runs here")
        w.up()
        w.run_orders()
        token = w.token("ana", "--claim", "clearance=2")
        stop = threading.Event()

        def read():
            while not stop.is_set():
                w.get("/orders", token=token)
                w.get("/orders")

        reader = threading.Thread(target=read)
        reader.start()
        try:
            (row,) = [json.loads(x) for x in w.cli("top", "--json").out.splitlines()]
            text = w.cli("top").out
        finally:
            stop.set()
            reader.join()
        check(row["product"] == "orders" and row["gate"] == w.gate, row)
        check(row["allowed_per_s"] > 0 and row["other_per_s"] > 0, row)
        check(row["denied_per_s"] == 0 and row["bundle"] == 1, row)
        check(row["delivery"] in ("connected", "idle"), row)
        check(row["sources"]["otlp_logs"]["taken"] > 0 and row["refused"] == 0 and row["telemetry_pending"] >= 0, row)
        for needle in ("PRODUCT", "ALLOWED/S", "TAKEN/S", "REFUSED/S", " wait", "orders", w.gate, " ms"):
            check_has(text, needle)
        wait_for("the catalogue", lambda: json.loads(
            w.cli("top", "--json", "--interval", "100ms").out)["catalogue"] == "taken")
        check_has(w.cli("top", "--interval", "1h", check_code=2).err, "expected 100ms to 60s")


def it_refreshes_on_a_terminal_until_q():
    if not os.path.exists("/dev/ptmx") or not os.listdir("/dev/pts"):
        print("     skipped: no pseudo terminals are mounted here (/dev/pts)")
        return
    with World() as w:
        w.up()
        w.run_orders()
        pid, fd = pty.fork()
        if pid == 0:
            os.environ["OUTRIDER_HOME"] = w.state
            os.execv(os.path.join(BIN, "outrider"), ["outrider", "top", "--interval", "100ms"])
        seen = b""

        def more(n):
            nonlocal seen
            if select.select([fd], [], [], 0)[0]:
                seen += os.read(fd, 65536)
            return seen.count(b"q quits") >= n

        wait_for("three frames", lambda: more(3))
        check(b"PRODUCT" in seen and b"orders" in seen, seen)
        os.write(fd, b"q")
        _, status = os.waitpid(pid, 0)
        check(os.waitstatus_to_exitcode(status) == 0, status)
        os.close(fd)


if __name__ == "__main__":
    main(it_measures_once_in_a_pipe, it_refreshes_on_a_terminal_until_q)
