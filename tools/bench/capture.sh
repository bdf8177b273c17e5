#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What reading a log file into Kafka costs, beside rsyslog (imfile, omkafka) and OpenTelemetry's Collector on
# the same file and broker: capture.sh [--records LINES] [--rate RATE]: lines of the file (1,000,000), and
# lines a second of the one that is killed under.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/lib/ui.sh
source tools/dev/lib/deps.sh
source tools/dev/lib/otelcol.sh
ensure_packages kafka capture >&2
OTELCOL=$(otelcol_program) || echo "no peer otelcol: it could not be built" >&2
export OTELCOL
exec env PYTHONPATH=tests/support PYTHONDONTWRITEBYTECODE=1 python3 tools/bench/capture.py "$@"
