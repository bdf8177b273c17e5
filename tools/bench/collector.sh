#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The audit trail against other engines on the same records: ingest, size, and six queries.
# Arguments: --records N (5,000,000; in CI 500,000), --seed N, --engines a,b (all that are there).
# DuckDB and chdb come from PyPI into a virtual environment of their own; what is not to be had is
# named and left out.
set -euo pipefail

venv=${XDG_CACHE_HOME:-$HOME/.cache}/outrider/bench-venv
python=python3
if [[ -x $venv/bin/python ]] || python3 -m venv "$venv" 2>/dev/null; then
    python=$venv/bin/python
    for package in duckdb chdb; do
        "$python" -c "import $package" 2>/dev/null ||
            "$venv/bin/pip" install -q "$package" >&2 ||
            echo "bench/collector: $package is not to be had; it is left out" >&2
    done
else
    echo "bench/collector: no virtual environment (python3-venv); SQLite alone is compared" >&2
fi
exec "$python" tools/bench/collector.py "$@"
