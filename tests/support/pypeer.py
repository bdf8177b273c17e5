# SPDX-License-Identifier: Apache-2.0
"""Clients of others, in Python, that a test drives: a virtual environment for each list of packages,
made once outside of the clone (${XDG_CACHE_HOME:-~/.cache}/outrider/pypeer)."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile


def python_with(*packages):
    """The interpreter that has them, or None where they cannot be installed here."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    home = os.path.join(cache, "outrider", "pypeer")
    said = " ".join([sys.version, *packages]).encode()
    target = os.path.join(home, hashlib.sha256(said).hexdigest()[:16])
    python = os.path.join(target, "bin", "python3")
    if os.path.exists(os.path.join(target, "done")):
        return python
    os.makedirs(home, exist_ok=True)
    # Two tests may come at a time; scripts of an environment name its place, so it is not moved.
    try:
        with tempfile.TemporaryDirectory(dir=home) as lock:
            quiet = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                     "stderr": subprocess.DEVNULL, "cwd": lock}
            subprocess.run(["flock", os.path.join(home, "lock"), "sh", "-c",
                            'test -e "$2/done" && exit 0; rm -rf "$2"; "$1" -m venv "$2" && '
                            '"$2/bin/python3" -m pip install -q --disable-pip-version-check $3 && '
                            'touch "$2/done"', "sh", sys.executable, target, " ".join(packages)],
                           timeout=280, **quiet)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(target, ignore_errors=True)
        return None
    return python
