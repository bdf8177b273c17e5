# SPDX-License-Identifier: Apache-2.0
"""The collector's audit trail, SQLite, DuckDB and chdb on the same records: how fast they take them
in, how much they keep and use, and how soon they answer; their answers are compared."""
import argparse
import ast
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

TRAIL = os.path.join(os.environ["OUTRIDER_BIN"], "bench_collector_query_trail")
COLUMNS = ["time_ns", "agent", "product", "principal", "action", "resource", "decision", "policy",
           "peer", "trace", "latency_us", "status"]
NUMBERS = {"time_ns", "latency_us", "status"}
PRODUCT, PRINCIPAL = "product-013", "user-0013@example.org"

# name, ours, SQL, how many columns of a row are compared
QUERIES = [
    ("count_by_decision", "| count by decision",
     "SELECT decision, count(*) n FROM t GROUP BY decision ORDER BY n DESC"),
    ("one_principals_denies", "principal.id={principal} decision=deny | limit 100 ",
     "SELECT time_ns, resource FROM t WHERE principal='{principal}' AND decision='deny' "
     "ORDER BY time_ns DESC LIMIT 100"),
    ("top_resources_of_denies", "product={product} decision=deny | count by resource.id | top 10",
     "SELECT resource, count(*) n FROM t WHERE product='{product}' AND decision='deny' "
     "GROUP BY resource ORDER BY n DESC, resource LIMIT 10"),
    ("one_trace", "trace_id={trace}", "SELECT time_ns, resource FROM t WHERE trace={trace_sql}"),
    ("distinct_principals", "| distinct principal.id by product | limit 1000",
     "SELECT product, count(DISTINCT principal) n FROM t GROUP BY product "
     "ORDER BY n DESC, product"),
    ("three_predicates", "product={product} action=read decision=deny | count",
     "SELECT count(*) FROM t WHERE product='{product}' AND action='read' AND decision='deny'"),
]


def emit(**fields):
    print(json.dumps({"bench": "collector", **fields}), flush=True)


def size_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(path) for f in fs)


def forget(path):
    """Takes what is cached of its files out of memory, for a cold start."""
    names = [path] if os.path.isfile(path) else [
        os.path.join(d, f) for d, _, fs in os.walk(path) for f in fs]
    for name in names:
        fd = os.open(name, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def compare(name, engine, theirs, ours):
    same = sorted(map(str, theirs)) == sorted(map(str, ours))
    if not same:
        print(f"bench/collector: {name}: {engine} answers otherwise: {theirs[:3]} for {ours[:3]}",
              file=sys.stderr)
    return same


def our_rows(name, lines):
    rows = [json.loads(line) for line in lines]
    if "record" in (rows[0] if rows else {}):
        return [[row["record"]["time"], row["record"]["resource.id"]] for row in rows]
    keys = {"count_by_decision": ["decision", "count"], "three_predicates": ["count"],
            "top_resources_of_denies": ["resource.id", "count"],
            "distinct_principals": ["product", "distinct"]}[name]
    return [[row[key] for key in keys] for row in rows] or [[0]]


def as_ours(name, rows):
    """Times as our JSON has them: RFC 3339, in microseconds."""
    out = []
    for row in rows:
        row = list(row)
        if name in ("one_principals_denies", "one_trace"):
            seconds, rest = divmod(int(row[0]), 10**9)
            row[0] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            row[0] += f".{rest // 1000:06d}Z"
        out.append(row)
    return out


def ask_outrider(folder, trace):
    text = "".join(f"{name}\t{ours.format(product=PRODUCT, principal=PRINCIPAL, trace=trace)}\n"
                   for name, ours, _ in QUERIES)
    out = subprocess.run([TRAIL, "query", folder], input=text, text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    answers = {}
    for block in out.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if lines == [""]:
            continue
        name, hot, cold = lines[0].split("\t")
        answers[name] = our_rows(name, lines[1:])
        emit(case="query", name=name, engine="outrider", hot_ms=float(hot), cold_ms=float(cold))
    return answers


class Sqlite:
    name = "sqlite"

    def __init__(self, folder):
        import sqlite3
        self.path = os.path.join(folder, "sqlite.db")
        self.db = sqlite3.connect(self.path)

    def fill(self, table):
        db = self.db
        db.execute("PRAGMA journal_mode=WAL")
        kinds = ", ".join(f"{c} {'INTEGER' if c in NUMBERS else 'BLOB' if c == 'trace' else 'TEXT'}"
                          for c in COLUMNS)
        db.execute(f"CREATE TABLE t ({kinds})")
        db.execute("CREATE INDEX t1 ON t (principal, decision, time_ns)")
        db.execute("CREATE INDEX t2 ON t (trace)")
        marks = ", ".join("?" * len(COLUMNS))
        with open(table) as f:
            while rows := [line.rstrip("\n").split("\t") for _, line in zip(range(10000), f)]:
                for row in rows:
                    row[9] = bytes.fromhex(row[9])
                db.executemany(f"INSERT INTO t VALUES ({marks})", rows)
                db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ask(self, sql, trace):
        return self.db.execute(sql.replace("{trace_sql}", f"x'{trace}'")).fetchall()


class Duckdb:
    name = "duckdb"

    def __init__(self, folder):
        import duckdb
        self.path = os.path.join(folder, "duck.db")
        self.db = duckdb.connect(self.path)
        self.db.execute("SET threads=2")

    def fill(self, table):
        kinds = {c: "UUID" if c == "trace" else "BIGINT" if c in NUMBERS else "VARCHAR"
                 for c in COLUMNS}
        self.db.execute(f"CREATE TABLE t AS SELECT * FROM read_csv('{table}', delim='\t', "
                        f"header=false, quote='', columns={kinds})")
        self.db.execute("CHECKPOINT")

    def ask(self, sql, trace):
        return self.db.execute(sql.replace("{trace_sql}", f"'{trace}'::UUID")).fetchall()


class Chdb:
    name = "chdb"

    def __init__(self, folder):
        from chdb import session
        self.path = os.path.join(folder, "chdb")
        self.db = session.Session(self.path)

    def fill(self, table):
        low = {"agent", "product", "principal", "action", "resource", "decision", "policy", "peer"}
        kinds = ", ".join(
            f"{c} {'UInt64' if c in NUMBERS else 'UUID' if c == 'trace' else ''}"
            f"{'LowCardinality(String)' if c in low else ''}" for c in COLUMNS)
        self.db.query("CREATE DATABASE IF NOT EXISTS b ENGINE = Atomic")
        self.db.query(f"CREATE TABLE b.t ({kinds}, INDEX i trace TYPE bloom_filter(0.01)) "
                      "ENGINE = MergeTree ORDER BY (product, time_ns)")
        self.db.query(f"INSERT INTO b.t SELECT * FROM file('{table}', TSV, '{kinds}')")
        self.db.query("OPTIMIZE TABLE b.t FINAL")

    def ask(self, sql, trace):
        sql = sql.replace("FROM t", "FROM b.t").replace("{trace_sql}", f"toUUID('{trace}')")
        text = str(self.db.query(sql, "JSONCompactEachRow"))
        return [json.loads(line) for line in text.splitlines()]


def measure(engine, sql, trace):
    forget(engine.path)
    at = time.perf_counter()
    rows = engine.ask(sql, trace)
    cold = time.perf_counter() - at
    hot = []
    while len(hot) < 7 and sum(hot) < 5:
        at = time.perf_counter()
        engine.ask(sql, trace)
        hot.append(time.perf_counter() - at)
    return rows, min(hot) * 1e3, cold * 1e3


def run_peer(kind, table, records, trace, ours):
    """In a process of its own, so that its memory is its own. True: its answers are ours."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="outrider-bench-") as folder:
        try:
            engine = kind(folder)
        except ImportError:
            print(f"bench/collector: {kind.name} is not installed", file=sys.stderr)
            return True
        at, cpu = time.perf_counter(), time.process_time()
        engine.fill(table)
        wall, cpu = time.perf_counter() - at, time.process_time() - cpu
        emit(case="ingest", engine=kind.name, records=records,
             records_per_s_per_core=round(records / cpu), records_per_s=round(records / wall),
             bytes_per_record=round(size_of(engine.path) / records, 2),
             rss_peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1))
        same = True
        for name, _, sql in QUERIES:
            sql = sql.replace("{product}", PRODUCT).replace("{principal}", PRINCIPAL)
            rows, hot, cold = measure(engine, sql, trace)
            emit(case="query", name=name, engine=kind.name, hot_ms=round(hot, 3),
                 cold_ms=round(cold, 3))
            same = compare(name, kind.name, as_ours(name, rows), ours[name]) and same
        return same


PEERS = {"sqlite": Sqlite, "duckdb": Duckdb, "chdb": Chdb}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int,
                        default=500_000 if os.environ.get("CI") else 5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", default="sqlite,duckdb,chdb")
    parser.add_argument("--peer", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        kind, table, records, trace, ours = args.peer
        with open(ours) as f:
            ok = run_peer(PEERS[kind], table, int(records), trace, ast.literal_eval(f.read()))
        sys.exit(0 if ok else 1)
    folder = tempfile.mkdtemp(dir="/var/tmp", prefix="outrider-bench-")
    failed = []
    try:
        table, log = os.path.join(folder, "records.tsv"), os.path.join(folder, "log")
        subprocess.run([TRAIL, "ingest", log, str(args.records), str(args.seed), table], check=True)
        with open(table) as f:
            for _ in zip(range(args.records // 2), f):
                pass
            trace = f.readline().split("\t")[9]
        ours = ask_outrider(log, trace)
        answers = os.path.join(folder, "answers")
        with open(answers, "w") as f:
            f.write(repr(ours))
        for name in args.engines.split(","):
            done = subprocess.run([sys.executable, __file__, "--peer", name, table,
                                   str(args.records), trace, answers])
            failed += [name] if done.returncode else []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(f"bench/collector: {', '.join(failed)} failed, or answered otherwise" if failed else 0)


if __name__ == "__main__":
    main()
