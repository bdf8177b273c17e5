# SPDX-License-Identifier: Apache-2.0
"""What a workload reads and writes in MariaDB becomes lineage, exactly: the command line client, and statements
prepared by the server through MySQL's own connector."""
import os

import mariadb
from observed import expect, run
from telemetry import clients_python
from world import World, main

PREPARED = '''
import sys
import mysql.connector
c = mysql.connector.connect(host="127.0.0.1", port=int(sys.argv[1]), user="root", password="", database="shop",
                            ssl_disabled=True, use_pure=True, charset="utf8mb4", collation="utf8mb4_general_ci",
                            autocommit=True)
cursor = c.cursor(prepared=True)
for i in range(300):
    cursor.execute("INSERT INTO mart.daily (id, n) VALUES (%s, %s)", (i, i))
cursor.execute("SELECT d.id FROM mart.daily d JOIN customers c ON c.id < d.id WHERE d.n > %s", (0,))
assert len(cursor.fetchall()) > 256
cursor.close()
plain = c.cursor()
try:
    plain.execute("SELECT * FROM unread JOIN absent USING (id)")
except mysql.connector.errors.ProgrammingError:
    pass
c.database = "lake"
plain.execute("UPDATE events SET id = 2")
c.close()
'''


def mariadb_is_seen_exactly():
    python = clients_python("mysql-connector-python")
    if os.geteuid() != 0 or not python or not mariadb.is_there():
        print("skip: no MariaDB or connector is to be had, or this is not root")
        return
    with World() as w, mariadb.MariaDB() as db:
        db.sql("CREATE DATABASE shop; CREATE DATABASE mart; CREATE DATABASE lake; "
               "CREATE TABLE shop.customers (id int, name text); INSERT INTO shop.customers VALUES (-1, 'a'); "
               "CREATE TABLE mart.daily (id int, n int); CREATE TABLE shop.`lines` (id int); "
               "CREATE TABLE shop.loaded (id int); CREATE TABLE lake.events (id int); "
               "CREATE TABLE shop.unread (id int)")
        w.up()
        with open(w.path("load.csv"), "w") as f:
            f.write("1\\n2\\n")
        if not run(w, f"""
import subprocess
client = {db.client()!r}
subprocess.run(client + ["-e", "USE shop; INSERT INTO lake.events WITH c AS (SELECT * FROM customers) "
                               "SELECT c.id FROM c JOIN `lines` USING (id)"], check=True)
subprocess.run(client + ["--local-infile=1", "shop", "-e",
                         "LOAD DATA LOCAL INFILE '{w.path('load.csv')}' INTO TABLE loaded"], check=True)
subprocess.run(client + ["-e", "SELECT * FROM absent.absent"], stderr=subprocess.DEVNULL)
subprocess.run([{python!r}, "-c", {PREPARED!r}, "{db.port}"], check=True)
"""):
            return
        db.sql("SELECT * FROM shop.unread")  # somebody else's
        name = f"mysql://127.0.0.1:{db.port}:"
        expect(w, {("read", name + "shop.customers"), ("read", name + "shop.lines"), ("write", name + "lake.events"),
                   ("write", name + "shop.loaded"), ("write", name + "mart.daily"), ("read", name + "mart.daily")})


main(mariadb_is_seen_exactly)
