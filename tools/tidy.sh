#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh BUILD [FILE…]: clang-tidy with the set of .clang-tidy over what ships (or the files named),
# by the compile commands of BUILD; eBPF programs and tests apart. Every finding fails.
set -euo pipefail

build=$1
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -r $build/compile_commands.json ]] || { echo "tidy: build $build first" >&2; exit 2; }
if [[ $# == 0 ]]; then
    mapfile -t files < <(git ls-files '*.c' | grep -vE '(^tests/|\.bpf\.c$|_(test|fuzz|bench|tool)\.c$)')
else
    files=("$@")
fi
if ! output=$(printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 8 clang-tidy-14 -p "$build" --quiet 2>/dev/null); then
    echo "$output"
    exit 1
fi
echo "${#files[@]} files"
