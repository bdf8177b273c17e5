# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets: their names, and one run.

# fuzz_modules TARGET|all: a target, or those of a folder.
fuzz_modules() {
    local all
    all=$(modules_with fuzz)
    if [[ $1 == all ]]; then grep . <<<"$all" || true; else grep -E "^$1(/|\$)" <<<"$all" || true; fi
}

# fuzz_one MODULE SECONDS: false where it found something.
fuzz_one() {
    local module=$1 seconds=$2 program findings copy log runs
    local -a options
    program=build/fuzz/bin/fuzz_${module//[^a-zA-Z0-9]/_}
    findings=build/fuzz/findings/$module
    if [[ ! -d tests/corpus/$module ]]; then
        bad "fuzz/$module  (no seeds: tests/corpus/$module is missing)"
        return 1
    fi
    mkdir -p "$findings"
    log=$findings/log
    copy=$(mktemp -d)
    cp -r "tests/corpus/$module/." "$copy"
    options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
        -artifact_prefix="$findings/")
    [[ -e tests/corpus/$module.dict ]] && options+=(-dict="tests/corpus/$module.dict")
    if "$program" "${options[@]}" "$copy" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        good "fuzz/$module  (${runs:-0} runs in $seconds s)"
        rm -rf "$copy"
        return 0
    fi
    rm -rf "$copy"
    bad "fuzz/$module"
    grep -E -m3 'ERROR:|SUMMARY:|runtime error:|assertion failed' "$log" | sed 's/^/      /' || true
    sed -n 's/.*Test unit written to /      again: '"${program//\//\\/}"' /p' "$log"
    echo "      log:   $log"
    return 1
}
