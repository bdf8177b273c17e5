# SPDX-License-Identifier: Apache-2.0
"""Debian's PostgreSQL in a folder of its own, with passwords (SCRAM) over TCP."""
import glob
import os
import shutil
import subprocess
import tempfile

from ports import free_port
from world import ROOT, wait_for

TLS = os.path.join(ROOT, "tests/support/tls")
PASSWORD = "correct-horse"


def programs():
    """The folder with PostgreSQL's programs, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    """tls: with the certificate tests/support/tls/server.pem, and nobody in without. roles: name to
    attributes, besides the superuser postgres; all have the same password."""

    def __init__(self, databases, roles, tls=False):
        self.bin = programs()
        self.databases, self.roles, self.tls = databases, roles, tls

    def as_user(self, *argv):
        if os.geteuid() != 0:
            return list(argv)
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *argv]

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")
        return path

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="outrider-pg-")
        os.chmod(self.dir, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")
        self.port = free_port()
        data = os.path.join(self.dir, "data")
        subprocess.run(self.as_user(f"{self.bin}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
                                    "-E", "UTF8", "--locale=C"), stdout=subprocess.DEVNULL, check=True)
        kind = "hostssl" if self.tls else "host"
        hba = self.write("hba", "local all all trust\n" + "".join(
            f"{kind} {database} all 127.0.0.1/32 scram-sha-256\n" for database in ("all", "replication")))
        options = ["-c", f"hba_file={hba}", "-c", "listen_addresses=127.0.0.1"]
        if self.tls:
            for name, mode in (("server.pem", 0o644), ("server.key", 0o600)):
                with open(os.path.join(TLS, name)) as f:
                    self.write(name, f.read(), mode)
            options += ["-c", "ssl=on", "-c", f"ssl_cert_file={self.dir}/server.pem",
                        "-c", f"ssl_key_file={self.dir}/server.key"]
        self.server = subprocess.Popen(
            self.as_user(f"{self.bin}/postgres", "-D", data, "-p", str(self.port), "-k", self.dir, "-F", *options),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("PostgreSQL", lambda: subprocess.run(
            [f"{self.bin}/pg_isready", "-qh", self.dir, "-p", str(self.port)], check=False).returncode == 0)
        for name, attributes in self.roles.items():
            self.sql(f"CREATE ROLE {name} LOGIN {attributes} PASSWORD '{PASSWORD}'")
        for name in self.databases:
            self.sql(f"CREATE DATABASE {name}")
        return self

    def sql(self, text, database="postgres"):
        """As superuser and around the gate."""
        done = subprocess.run([f"{self.bin}/psql", "-XqAtv", "ON_ERROR_STOP=1", "-h", self.dir, "-p", str(self.port),
                               "-U", "postgres", "-d", database, "-c", text], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=120)
        return done.stdout.strip()

    def __exit__(self, *_):
        self.server.terminate()
        try:
            self.server.wait(30)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
