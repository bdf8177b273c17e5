#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The refresh job of the data product "orders": checkouts (CSV) in, the data set (JSON) out.

    refresh.py [INPUT [OUTPUT]]      default: data/checkouts.csv to data/orders.json, beside this file

It reports to $OPENLINEAGE_URL (the agent's intake, which `outrider run` puts there) when it starts and
how it ends, with the official Python client where that is installed, with urllib otherwise. Without
the variable it reports nothing and works all the same.
"""
import csv
import json
import os
import subprocess
import sys
import urllib.request
import uuid
from datetime import datetime, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
PRODUCER = "https://git.example/sales/orders/refresh.py"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = "https://openlineage.io/spec/facets/"
NAMESPACE, JOB = "orders", "refresh"


def read_checkouts(path):
    """Rows as the data set has them: items counted up, the total computed."""
    with open(path, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            items = []
            for item in filter(None, row.pop("basket").split(";")):
                sku, quantity, price = item.rsplit(":", 2)
                items.append({"sku": sku, "quantity": int(quantity), "price_cents": int(price)})
            row = {name: value or None for name, value in row.items()}
            row["total_cents"] = sum(i["quantity"] * i["price_cents"] for i in items)
            row["items"] = items
            yield row


def write_orders(rows, path):
    """Whole or not at all: readers see the old data set or the new one."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")
    os.replace(temporary, path)


def commit():
    """Which version of the code runs; None outside of a repository."""
    try:
        return subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], check=True, text=True,
                              capture_output=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


class Reporter:
    def __init__(self, source, target):
        self.run_id = str(uuid.uuid4())
        self.source, self.target, self.version = source, target, commit()
        self.url = os.environ.get("OPENLINEAGE_URL")

    def report(self, state, rows=None):
        if not self.url:
            return
        try:
            self.report_with_client(state, rows)
        except ImportError:
            self.report_with_urllib(state, rows)

    def report_with_client(self, state, rows):
        from openlineage.client import OpenLineageClient
        from openlineage.client.event_v2 import (InputDataset, Job, OutputDataset, Run, RunEvent,
                                                 RunState)
        from openlineage.client.facet_v2 import (output_statistics_output_dataset,
                                                 source_code_location_job)
        facets, statistics = {}, {}
        if self.version:
            facets["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
                type="git", url=PRODUCER, version=self.version)
        if rows is not None:
            statistics["outputStatistics"] = (
                output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows))
        OpenLineageClient().emit(RunEvent(
            eventType=RunState[state], eventTime=datetime.now(timezone.utc).isoformat(),
            run=Run(runId=self.run_id), job=Job(namespace=NAMESPACE, name=JOB, facets=facets),
            producer=PRODUCER, inputs=[InputDataset(namespace="file", name=self.source)],
            outputs=[OutputDataset(namespace="file", name=self.target, outputFacets=statistics)]))

    def report_with_urllib(self, state, rows):
        def facet(name, **fields):
            return {"_producer": PRODUCER, "_schemaURL": f"{FACETS}{name}", **fields}

        facets, statistics = {}, {}
        if self.version:
            facets["sourceCodeLocation"] = facet("1-0-1/SourceCodeLocationJobFacet.json",
                                                 type="git", url=PRODUCER, version=self.version)
        if rows is not None:
            statistics["outputStatistics"] = facet("1-0-2/OutputStatisticsOutputDatasetFacet.json",
                                                   rowCount=rows)
        event = {"eventType": state, "eventTime": datetime.now(timezone.utc).isoformat(),
                 "producer": PRODUCER, "schemaURL": SCHEMA, "run": {"runId": self.run_id},
                 "job": {"namespace": NAMESPACE, "name": JOB, "facets": facets},
                 "inputs": [{"namespace": "file", "name": self.source}],
                 "outputs": [{"namespace": "file", "name": self.target,
                              "outputFacets": statistics}]}
        request = urllib.request.Request(f"{self.url}/api/v1/lineage", json.dumps(event).encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()


def main():
    source = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                             else os.path.join(HERE, "data/checkouts.csv"))
    target = os.path.abspath(sys.argv[2] if len(sys.argv) > 2
                             else os.path.join(HERE, "data/orders.json"))
    reporter = Reporter(source, target)
    reporter.report("START")
    try:
        rows = list(read_checkouts(source))
        write_orders(rows, target)
    except BaseException:
        reporter.report("FAIL")
        raise
    reporter.report("COMPLETE", len(rows))
    print(f"{len(rows)} orders from {source} to {target}")


if __name__ == "__main__":
    main()
