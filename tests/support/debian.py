# SPDX-License-Identifier: Apache-2.0
"""Programs that a test needs from a Debian package whose installation would start a server: the
package is unpacked, once, outside of the clone (${XDG_CACHE_HOME:-~/.cache}/outrider/debian)."""
import os
import shutil
import subprocess
import tempfile


def unpacked(package):
    """The folder with the package's files ("usr/bin/…"), or None where it cannot be had."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    home = os.path.join(cache, "outrider", "debian")
    target = os.path.join(home, package)
    if os.path.isdir(target):
        return target
    os.makedirs(home, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as work:
        try:
            quiet = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                     "stderr": subprocess.DEVNULL, "timeout": 240, "cwd": work}
            subprocess.run(["apt-get", "-qq", "update"], **{**quiet, "check": False})
            subprocess.run(["apt-get", "-qq", "download", package], **quiet)
            deb = next(name for name in os.listdir(work) if name.endswith(".deb"))
            subprocess.run(["dpkg-deb", "-x", deb, "files"], **quiet)
            os.rename(os.path.join(work, "files"), target)
        except (OSError, subprocess.SubprocessError, StopIteration):
            return target if os.path.isdir(target) else None
    return target


def program(package, name):
    """The path of a program: as installed, else from the unpacked package, else None."""
    found = shutil.which(name)
    if found:
        return found
    files = unpacked(package)
    return files and os.path.join(files, "usr/bin", name)
