# SPDX-License-Identifier: Apache-2.0
#: peers -- builds the large programs of others that some tests stand beside
#:
#: Caddy, from its Go module (tests/peer), into ${XDG_CACHE_HOME:-~/.cache}/outrider/peer; it takes minutes,
#: once. Without Go or its modules it is skipped and says so, and so do the tests.
dev_run() {
    [[ $# -eq 0 ]] || die_usage "no arguments"
    PYTHONPATH=tests/support PYTHONDONTWRITEBYTECODE=1 python3 tests/support/gopeer.py
}
