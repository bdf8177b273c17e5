# SPDX-License-Identifier: Apache-2.0
"""What the tests of loss share: a generator of numbered lines, and the verifier at the collector."""
import threading
import time

from telemetry import rows
from world import check, wait_for

BLOCK = 10_000  # rows that one query gives at most, and lines of one prefix


class Generator(threading.Thread):
    """Writes lines with a number and the time into a file, at a rate, until it is told to end. While it
    is held nothing is written."""

    def __init__(self, path, rate, length=120):
        super().__init__(daemon=True)
        self.path, self.rate, self.length = path, rate, length
        self.ends, self.held = threading.Event(), threading.Event()
        self.written = 0

    def line(self, n):
        return f"n{n:09} at={time.time_ns()} ".ljust(self.length, "x") + "\n"

    def run(self):
        with open(self.path, "a") as f:
            while not self.ends.wait(0.02):
                if self.held.is_set():
                    continue
                n = self.written + max(1, self.rate // 50)
                f.write("".join(self.line(i) for i in range(self.written, n)))
                f.flush()
                self.written = n

    def end(self):
        self.ends.set()
        self.join()
        return self.written


def numbers(w, block):
    """The numbers of that block of lines which the collector has, as often as it has them."""
    found = rows(w, "logs", f"body=n{block:05}* limit={BLOCK}")
    return [int(r["body"][1:10]) for r in found]


def all_are_there_once(w, n, deadline=60):
    """Waits until the lines 0 to n - 1 are stored; one that is there twice fails at once. A full block's
    answer is cut at BLOCK rows: there a doubled line shows as a missing one."""
    done = set()

    def complete():
        for block in range((n + BLOCK - 1) // BLOCK):
            if block in done:
                continue
            found, wanted = numbers(w, block), min(BLOCK, n - block * BLOCK)
            check(len(found) == len(set(found)), f"lines of block {block} are there twice: "
                  f"{len(found)} rows, {len(set(found))} different")
            if len(found) < wanted:
                return False
            check(len(found) == wanted, f"block {block}: {len(found)} lines of {wanted}")
            done.add(block)
        return True
    wait_for(f"all {n} lines", complete, deadline)


def are_all_read(w, n):
    """True once the line before n is stored."""
    return n - 1 in numbers(w, (n - 1) // BLOCK)
