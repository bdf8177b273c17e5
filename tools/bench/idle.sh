#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Memory and wake-ups of agent and collector at rest, each a process with nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec env PYTHONPATH=tests/support PYTHONDONTWRITEBYTECODE=1 python3 tools/bench/idle.py
