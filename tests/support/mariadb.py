# SPDX-License-Identifier: Apache-2.0
"""A MariaDB server of Debian's in a folder of its own (mariadb-server-core: installing it starts nothing)."""
import os
import shutil
import subprocess
import tempfile

from ports import free_port
from world import wait_for


def is_there():
    return all(shutil.which(name) for name in ("mariadbd", "mariadb", "mariadb-install-db"))


class MariaDB:
    """`with MariaDB() as db`: root without a password over TCP on 127.0.0.1:db.port, in the clear."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="outrider-mariadb-")
        self.port = free_port()
        data = os.path.join(self.dir, "data")
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
                        "--auth-root-authentication-method=normal", "--user=root"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with open(os.path.join(self.dir, "log"), "w") as log:
            self.server = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=root", "--bind-address=127.0.0.1",
                 f"--port={self.port}", f"--socket={self.dir}/socket", f"--pid-file={self.dir}/pid",
                 "--skip-name-resolve", "--local-infile=1", "--innodb-buffer-pool-size=16M"],
                stdout=log, stderr=log)
        wait_for("MariaDB", lambda: subprocess.run(
            [*self.client(), "-e", "SELECT 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode == 0)
        return self

    def client(self):
        return ["mariadb", "--no-defaults", "--skip-ssl", "-h127.0.0.1", f"-P{self.port}", "-uroot"]

    def sql(self, text):
        subprocess.run([*self.client(), "-e", text], check=True, stdout=subprocess.DEVNULL)

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(60)
        shutil.rmtree(self.dir)
