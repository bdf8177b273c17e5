# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's SDKs for Python and Node (tests/peer/otlp), installed once outside of the clone
(${XDG_CACHE_HOME:-~/.cache}/outrider/otlp-sdk)."""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys

from world import ROOT, check

PEER = os.path.join(ROOT, "tests/peer/otlp")


def run(*command, cwd=None, timeout=80):  # both together within the scenario's limit
    subprocess.run(command, check=True, cwd=cwd, timeout=timeout, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def install_python(directory):
    run(sys.executable, "-m", "venv", directory)
    run(os.path.join(directory, "bin/python3"), "-m", "pip", "install", "-q", "-r", os.path.join(PEER, "requirements.txt"))


def install_node(directory):
    os.makedirs(directory)
    shutil.copy(os.path.join(PEER, "package.json"), directory)
    run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", cwd=directory)


def installed(name, pins, install):
    """The directory with what those pins name, or None where it cannot be had here."""
    with open(os.path.join(PEER, pins), "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    directory = os.path.join(cache, "outrider/otlp-sdk", f"{name}-{key}")
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    with open(directory + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(os.path.join(directory, "done")):
            return directory
        shutil.rmtree(directory, ignore_errors=True)
        try:
            install(directory)
        except (OSError, subprocess.SubprocessError):
            return None
        with open(os.path.join(directory, "done"), "w"):
            return directory


class Sdk:
    """A process of the SDK. ask() has it export; answer() is what became of it."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def ask(self, item, cases=None, pad=0):
        told = {"id": item, "pad": pad, **({"cases": cases} if cases else {})}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        check(line, "the SDK ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def python_sdk(url):
    """None: it cannot be had here."""
    directory = installed("python", "requirements.txt", install_python)
    if not directory:
        return None
    return Sdk([os.path.join(directory, "bin/python3"), os.path.join(PEER, "sdk.py"), url], dict(os.environ))


def node_sdk(url):
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    directory = installed("node", "package.json", install_node)
    if not directory:
        return None
    env = dict(os.environ, NODE_PATH=os.path.join(directory, "node_modules"))
    return Sdk(["node", os.path.join(PEER, "sdk.cjs"), url], env)
