# SPDX-License-Identifier: Apache-2.0
"""Ports for programs that must be told one: free now, and still free when the program binds it.

The kernel gives its own choices (port 0, outgoing connections) from ip_local_port_range; a port taken
there, closed and handed on can be somebody else's before it is used. These lie outside that range, and
a lock held as long as the caller lives keeps two tests from choosing the same one.

    python3 ports.py 3      prints three
"""
import random
import socket
import sys

LOWEST = 15000
_held = []


def _range():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low = int(f.read().split()[0])
    if low - LOWEST < 1000:
        raise RuntimeError(f"net.ipv4.ip_local_port_range begins at {low}: no ports are left for tests from {LOWEST} on")
    return range(LOWEST, low)


def _hold(port):
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0outrider-test-port-{port}")  # gone with this process, whatever happens to it
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    _held.append(lock)
    return True


def free_port():
    """A TCP port on 127.0.0.1; nobody else who asks here gets it while this process lives."""
    candidates = _range()
    for port in random.sample(candidates, 200):
        if _hold(port):
            return port
    raise RuntimeError(f"none of 200 ports tried in {candidates.start}..{candidates.stop - 1} is free")


if __name__ == "__main__":
    print(*(free_port() for _ in range(int(sys.argv[1]))))
