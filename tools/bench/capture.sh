#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What reading a log file into Kafka costs, beside rsyslog (imfile, omkafka) on the same file and broker:
# capture.sh [LINES [RATE]]: lines of the file, and lines a second of the one that is killed under.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/lib/ui.sh
source tools/dev/lib/deps.sh
ensure_packages kafka capture >&2
exec env PYTHONPATH=tests/support PYTHONDONTWRITEBYTECODE=1 python3 tools/bench/capture.py "$@"
