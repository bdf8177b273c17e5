# SPDX-License-Identifier: Apache-2.0
"""In PostgreSQL a filter lets those rows through that a decision for each of them would: random
policies over adversarial rows, columns with collations that take different texts for equal, and
times finer than Cedar's. Skipped where Debian's PostgreSQL is not installed."""
import glob
import json
import os
import pwd
import shutil
import subprocess
import tempfile

from world import BIN, World, check, main

FIRST, LAST = 1, 3000


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    """A cluster of its own under a user that is not root, on a Unix socket."""

    def __init__(self, path):
        self.path = path
        self.dir = tempfile.mkdtemp()
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")

    def run(self, *args, **kw):
        as_user = ["runuser", "-u", self.user, "--"] if os.geteuid() == 0 else []
        return subprocess.run([*as_user, *args], check=True, cwd="/", text=True, timeout=600, **kw)

    def __enter__(self):
        self.run(f"{self.path}/initdb", "-D", f"{self.dir}/data", "-E", "UTF8", "--no-sync",
                 "--locale=C", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.run(f"{self.path}/pg_ctl", "-D", f"{self.dir}/data", "-w", "-l", f"{self.dir}/log",
                 "-o", f"-k {self.dir} -c listen_addresses= -c fsync=off", "start",
                 stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.run(f"{self.path}/pg_ctl", "-D", f"{self.dir}/data", "-m", "immediate", "stop",
                 stdout=subprocess.DEVNULL)
        shutil.rmtree(self.dir)

    def sql(self, script):
        r = self.run(f"{self.path}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                     self.dir, "-d", "postgres", input=script, stdout=subprocess.PIPE)
        return r.stdout.splitlines()


def random_filters_select_what_is_allowed(db):
    script = subprocess.run([f"{BIN}/test_policy_filter_rows", "script", str(FIRST), str(LAST)],
                            check=True, text=True, stdout=subprocess.PIPE, timeout=600).stdout
    lines = db.sql(script)
    check(len(lines) > (LAST - FIRST) / 2, f"only {len(lines) // 2} filters")
    for selected, allowed in zip(lines[::2], lines[1::2]):
        check(selected.rstrip() == allowed.rstrip(), f"seed {allowed}\n selected {selected}")
    print(f"{len(lines) // 2} filters select what is allowed")


def times_are_compared_in_milliseconds(db):
    """The moments around each bound, in microseconds; NULL is in no answer."""
    db.sql("CREATE TABLE m (id integer, since timestamptz, day date);"
           "INSERT INTO m SELECT i, '1970-01-01 00:00:00Z'::timestamptz + i * interval '1 us', "
           "'1969-12-31'::date + i FROM generate_series(-2000, 2000) i;"
           "INSERT INTO m VALUES (9999, NULL, NULL)")
    for sign, holds in (("<", lambda ms: ms < 0), ("<=", lambda ms: ms <= 0),
                        ("==", lambda ms: ms == 0), (">", lambda ms: ms > 0)):
        with World() as w:
            path = os.path.join(w.dir, "p.cedar")
            with open(path, "w") as f:
                f.write("permit (principal, action, resource) when { resource.since "
                        f"{sign} datetime(\"1970-01-01\") }};")
            r = json.loads(w.cli("policy", "filter", "--policy", path, "--table", "m", "--columns",
                                 "since:timestamp", "--principal", 'User::"a"', "--action", "read",
                                 "--json").out)
        lines = db.sql(f"PREPARE q AS SELECT id FROM m WHERE {r['sql']} ORDER BY id;"
                       f"EXECUTE q({', '.join(str(p) for p in r['params'])}); DEALLOCATE q;")
        wanted = [str(i) for i in range(-2000, 2001) if holds(i // 1000)]
        check(lines == wanted, f"{sign}: {len(lines)} rows, not {len(wanted)}")


def in_postgresql():
    path = programs()
    if not path:
        print("skipped: PostgreSQL is not installed")
        return
    with Postgres(path) as db:
        random_filters_select_what_is_allowed(db)
        times_are_compared_in_milliseconds(db)


if __name__ == "__main__":
    main(in_postgresql)
