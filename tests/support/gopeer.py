# SPDX-License-Identifier: Apache-2.0
"""Programs of others, in Go, that judge our formats: tests/peer/NAME is built once for each state of
its sources, outside of the clone (${XDG_CACHE_HOME:-~/.cache}/outrider/peer). One that is somebody
else's whole program has no source of its own: its go.mod names it as a tool."""
import hashlib
import os
import shutil
import subprocess
import tempfile

from world import ROOT


def sources(folder):
    return sorted(n for n in os.listdir(folder) if n.endswith((".go", ".mod", ".sum")))


def built(name, package=".", seconds=250):
    """(path, None), or (None, why it cannot be had). seconds: how long building it may take; 0: it is
    used where ./dev peers has built it."""
    go = shutil.which("go")
    if not go:
        return None, "Go is not installed"
    folder = os.path.join(ROOT, "tests/peer", name)
    said = hashlib.sha256(subprocess.run([go, "version"], check=True, stdout=subprocess.PIPE,
                                         timeout=60).stdout)
    for source in sources(folder):
        with open(os.path.join(folder, source), "rb") as f:
            said.update(f.read())
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    home = os.path.join(cache, "outrider", "peer")
    target = os.path.join(home, f"{name}-{said.hexdigest()[:16]}")
    if os.path.exists(target):
        return target, None
    if not seconds:
        return None, "it is not built (./dev peers builds it)"
    os.makedirs(home, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as work:
        made = os.path.join(work, name)
        try:
            p = subprocess.run([go, "build", "-o", made, package], cwd=folder, text=True, timeout=seconds,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired:
            return None, "building it took too long"
        if p.returncode:
            if any(word in p.stdout for word in ("dial tcp", "lookup ", "toolchain", "requires go",
                                                 "i/o timeout", "connection re")):
                return None, f"its modules cannot be had: {p.stdout.splitlines()[-1]}"
            raise AssertionError(f"tests/peer/{name} does not build:\n{p.stdout}")
        os.rename(made, target)
    return target, None


# What takes minutes to build: (name, package), for ./dev peers.
LARGE = {"caddy": "github.com/caddyserver/caddy/v2/cmd/caddy"}

if __name__ == "__main__":
    for peer, its_package in LARGE.items():
        path, why = built(peer, its_package, seconds=1800)
        print(f"{peer}: {path or 'skipped, ' + why}")
