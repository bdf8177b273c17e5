#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bash completion offers the verbs, the verbs of a noun, and the flags of a verb.
set -euo pipefail
PATH=$OUTRIDER_BIN:$PATH
source cli/completion/outrider.bash
compopt() { :; }
passed=0 failed=0

expect() { # WANTED WORD…: the completions of the last word, sorted, begin with WANTED
    local wanted=$1
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _outrider
    if [[ $(printf '%s\n' "${COMPREPLY[@]}" | sort | tr -d ' ' | xargs) == "$wanted" ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$*: expected '$wanted', got '${COMPREPLY[*]}'"
    fi
}

expect "verify" outrider ver
expect "policy product products" outrider p
expect "build" outrider policy b
expect "tap" outrider ta
expect "ls" outrider spool l
expect "--pending" outrider spool cat --pe
expect "--json" outrider audit --j
expect "--out" outrider policy build --o
echo "$passed passed, $failed failed"
((failed == 0))
