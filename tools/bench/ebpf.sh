#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the probes cost: each program's own time where it rejects and where it emits, the tap's CPU and
# memory, and redis-benchmark and pgbench in alternating runs with and without: ebpf.sh [PAIRS], 10
# pairs without it. Needs root; what the machine does not permit is left out, with the reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/lib/ui.sh
source tools/dev/lib/deps.sh
ensure_packages ebpf >&2
"$OUTRIDER_BIN/bench_ebpf_loader"
exec env PYTHONPATH=tests/support PYTHONDONTWRITEBYTECODE=1 python3 tools/bench/ebpf.py "$@"
