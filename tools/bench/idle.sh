#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Memory and wake-ups of agent, tap and collector at rest, each a process with nothing to do. Over both
# transports, or those that are named: http, kafka (which needs ./dev deps build kafka).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/lib/ui.sh
source tools/dev/lib/deps.sh
[[ $# -gt 0 ]] || set -- http kafka
case " $* " in *' kafka '*)
    ensure_packages kafka >&2
    ;;
esac
exec env PYTHONPATH=tests/support PYTHONDONTWRITEBYTECODE=1 python3 tools/bench/idle.py "$@"
