# SPDX-License-Identifier: Apache-2.0
"""Debian's logrotate in each of its modes, under a program that writes: each line is stored once."""
import os
import shutil
import subprocess
import threading

from files_test import configured
from telemetry import delivered, rows
from world import World, check, main, wait_for

MODES = {"create": "create", "compress": "create\ncompress", "delaycompress": "create\ncompress\ndelaycompress",
         "dateext": "create\ndateext\ndateformat -%Y%m%d-%s", "copytruncate": "copytruncate"}
ROTATIONS = 4


class Writer(threading.Thread):
    """Writes numbered lines, and opens the file anew when another one has its name."""

    def __init__(self, directory, mode):
        super().__init__(daemon=True)
        self.path, self.mode, self.n = os.path.join(directory, f"{mode}.log"), mode, 0
        self.stop = threading.Event()
        self.may_write = threading.Lock()
        self.f = open(self.path, "a")
        self.first = 1  # line of the file that has the name

    def has_name(self):
        try:
            return os.stat(self.path).st_ino == os.fstat(self.f.fileno()).st_ino
        except FileNotFoundError:  # logrotate is between its two steps
            return True

    def is_current(self):
        with self.may_write:
            return self.has_name()

    def run(self):
        # Slower and slower: one query gives 10,000 rows at most, however long this takes.
        while not self.stop.wait(0.005 * (1 + self.n / 200)):
            with self.may_write:
                self.n += 1
                self.f.write(f"{self.mode} {self.n}\n")
                self.f.flush()
                if os.path.exists(self.path) and not self.has_name():
                    self.f.close()
                    self.f = open(self.path, "a")
                    self.first = self.n + 1
        self.f.close()


def stored(w, mode):
    return [int(r["body"].split()[1]) for r in rows(w, "logs", f"body={mode}* limit=10000")]


def rotate(w, mode, writer):
    """Once; something of the present file was taken before, as nobody knows a file that came and went
    meanwhile. What copytruncate takes away unread nobody can bring back, so there all of it was taken."""
    wait_for("the writer to open it", writer.is_current)
    wait_for(f"lines of {mode}", lambda: any(n >= writer.first for n in stored(w, mode)))
    command = [shutil.which("logrotate"), "-f", "-s", w.path(f"{mode}.state"), w.path(f"{mode}.conf")]

    def rotated():  # no, where a file has the name already that the second gives
        return subprocess.run(command, timeout=60, stderr=subprocess.DEVNULL).returncode == 0

    if mode == "copytruncate":
        with writer.may_write:
            wait_for("all lines", lambda: len(stored(w, mode)) == writer.n)
            wait_for("logrotate", rotated)
    else:
        wait_for("logrotate", rotated)


def each_mode_loses_and_doubles_nothing():
    if not shutil.which("logrotate"):
        print("skipped: there is no logrotate here")
        return
    with World() as w:
        logs = w.path("logs")
        os.mkdir(logs, 0o755)
        configured(w, {"path": os.path.join(logs, "*.log")})
        w.up()
        w.run_orders()
        writers = []
        for mode, words in MODES.items():
            with open(w.path(f"{mode}.conf"), "w") as f:
                f.write(f"{logs}/{mode}.log {{\nrotate 100\n{words}\n}}\n")
            os.chmod(w.path(f"{mode}.conf"), 0o644)
            writers.append(Writer(logs, mode))
            writers[-1].start()
        for _ in range(ROTATIONS):
            for writer in writers:
                rotate(w, writer.mode, writer)
        for writer in writers:
            writer.stop.set()
            writer.join()
        for writer in writers:
            found = wait_for(f"all of {writer.mode}", lambda w=w, x=writer: whole(w, x))
            check(sorted(found) == list(range(1, writer.n + 1)),
                  f"{writer.mode}: {len(found)} lines, {len(set(found))} of them different, of {writer.n}")
        names = os.listdir(logs)
        check(sum(".gz" in n for n in names) >= 2 and len(names) > 2 * len(MODES), f"{names}")


def whole(w, writer):
    delivered(w)
    found = stored(w, writer.mode)
    return found if len(found) >= writer.n else None


if __name__ == "__main__":
    main(each_mode_loses_and_doubles_nothing)
