#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the gate costs, beside nginx, nginx with auth_request, HAProxy and Envoy with ext_authz under
# the same load: gate.sh [SECONDS [ROUNDS]], of each run of wrk, and of all cases in turn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/lib/ui.sh
source tools/dev/lib/deps.sh
ensure_packages bench >&2
exec env PYTHONPATH=tools/bench:tests/support PYTHONDONTWRITEBYTECODE=1 python3 tools/bench/gate.py "$@"
