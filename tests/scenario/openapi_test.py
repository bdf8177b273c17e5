#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API does what its OpenAPI document says: Schemathesis makes requests from the document, good
and bad ones, and holds each answer against it. OUTRIDER_API_EXAMPLES says how many for each operation
(12)."""
import json
import os
import subprocess

from collector_test import Collector, state_dir
from telemetry import clients_python
from world import ROOT, check, main

EXAMPLES = os.environ.get("OUTRIDER_API_EXAMPLES", "12")
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_schema_conformance,response_headers_conformance,unsupported_method")


def the_document_is_the_one_in_docs():
    with state_dir() as state, Collector(state, "--listen", "127.0.0.1:0") as c:
        status, body = c.get("/v1/openapi.json")
        check(status == 200, body)
        with open(os.path.join(ROOT, "docs/reference/collector-api.json"), encoding="utf-8") as f:
            check(f.read() == body, "docs/reference/collector-api.json is another one")
        check(json.loads(body)["paths"]["/v1/audit"], body)


def answers_are_as_documented():
    python = clients_python("schemathesis")
    if not python:
        print("skipped: Schemathesis cannot be installed here", flush=True)
        return
    with state_dir() as state, Collector(state, "--listen", "127.0.0.1:0") as c:
        p = subprocess.run(
            [os.path.join(os.path.dirname(python), "schemathesis"), "run",
             c.endpoint()["url"] + "/v1/openapi.json", "-H", f"Authorization: Bearer {c.token()}",
             "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", "4711", "--no-color",
             "--phases", "coverage,fuzzing", "--request-timeout", "60", "--workers", "1"],
            cwd=os.path.dirname(state), text=True, stdin=subprocess.DEVNULL, timeout=240,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check(p.returncode == 0, p.stdout[-6000:])
        said = [line.strip() for line in p.stdout.splitlines() if " generated" in line]
        check(said, p.stdout[-3000:])
        print(f"Schemathesis: {said[-1]}", flush=True)
        check(c.get("/healthz")[0] == 200, "it still serves")


if __name__ == "__main__":
    main(the_document_is_the_one_in_docs, answers_are_as_documented)
