#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One decision of the size of examples/orders, then the applications of the Cedar paper and sets of
# up to 10,000 policies, every answer checked. The cases are unpacked under build/ the first time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${OUTRIDER_BIN:-build/release/bin}
archive=../shared/corpora/cedar-oopsla/cases.tar.xz
cases=build/cedar-oopsla

"$bin/bench_policy_authorize"
if [[ ! -d $cases && -e $archive ]]; then
    mkdir -p "$cases.new"
    tar -C "$cases.new" -xf "$archive"
    mv "$cases.new" "$cases"
fi
"$bin/bench_policy_oopsla" "$cases"
