#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every query in docs/query.md is one: it parses, is answered, and finds what it speaks of."""
import re

from audit_pb import Tool
from world import check, main

NOW = 1764000000 * 10**9
RECORDS = [
    {"principal.type": "User", "principal.id": "alice", "action": "read", "decision": "deny",
     "resource.type": "Port", "resource.id": "orders/api", "reason": "no permit", "peer": "10.1.2.3:99",
     "request.method": "GET", "request.path": "/orders/17", "request.status": 403,
     "request.duration_ns": 300 * 10**6, "request.bytes_out": 10},
    {"principal.type": "User", "principal.id": "bob", "action": "write", "decision": "allow",
     "resource.type": "Port", "resource.id": "orders/api", "peer": "192.0.2.7",
     "request.method": "POST", "request.path": "/orders", "request.status": 200,
     "request.duration_ns": 5 * 10**6, "request.bytes_out": 2000},
]


def examples():
    with open("docs/query.md") as f:
        text = f.read()
    found = [q.replace("\\|", "|") for q in re.findall(r"`> (.*?)` \|$", text, re.M)]
    return found + re.findall(r"^> (.*)$", text, re.M)


def each_example_is_answered():
    queries = examples()
    check(len(queries) > 25, queries)
    with Tool(NOW) as tool:
        for i in range(40):
            record = dict(RECORDS[i % 2], time=NOW - 60 * 10**9 * (i + 1), seq=i + 1,
                          trace_id=f"{i + 1:032x}", span_id=f"{i + 1:016x}")
            tool.put(i % 3, record)
            if i == 20:
                tool.seal(0)
                tool.seal(1)
        for query in queries:
            rows = tool.ask(query)
            check(isinstance(rows, list) and rows, (query, rows))


def answers_are_what_the_document_says():
    with Tool(NOW) as tool:
        for i, record in enumerate(RECORDS * 2):
            tool.put(i % 2, dict(record, time=NOW - i * 10**9, seq=i + 1, trace_id=f"{i + 1:032x}",
                                 span_id=f"{i + 1:016x}"))
        check(tool.ask("| count by decision") == [
            {"count": 2, "decision": "allow"}, {"count": 2, "decision": "deny"}], "count")
        rows = tool.ask("explain action=read")
        check(rows[0]["explain"]["rows"]["unsealed"] == 4, rows)
        tool.seal(0)
        tool.seal(1)
        rows = tool.ask("explain action=read")[0]["explain"]
        check(rows["parts"]["read"] == 1 and rows["parts"]["skipped_by_value"] == 1, rows)
        check(rows["rows"]["matched"] == 2 and rows["rows"]["unsealed"] == 0, rows)
        error = tool.ask("decison=deny")
        check('did you mean "decision"?\n  decison=deny\n  ^' in error, error)


if __name__ == "__main__":
    main(each_example_is_answered, answers_are_what_the_document_says)
