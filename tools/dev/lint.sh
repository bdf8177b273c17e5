# SPDX-License-Identifier: Apache-2.0
#: lint -- check format, rooms, sizes, banned calls, headers and documents
#:
#: Each check is a program of its own in tools/ and says path:line: what is wrong.
#: The rooms lint reads the symbols of build/dev (which is brought up to date first).
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh
source tools/dev/lib/lint.sh

dev_run() {
    [[ $# == 0 ]] || die_usage "lint takes no arguments"
    ensure_packages build test
    build_preset dev
    lint_all dev || die "lint: $LINT_FAILED of $LINT_COUNT checks failed"
}
