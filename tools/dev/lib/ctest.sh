# SPDX-License-Identifier: Apache-2.0
# Running CTest, counting what passed, and a summary in which the failures are easy to find.

CTEST_PASSED=0
CTEST_FAILED=0

# run_ctest PRESET ARGUMENT…: adds to the counts; details of failures are printed as they happen.
run_ctest() {
    local preset=$1 log=build/$1/ctest.log line
    shift
    ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(jobs_count)" "$@" \
        2>&1 | tee "$log" | sed -u '/^Internal ctest/d' || true
    line=$(grep -E 'tests? passed, [0-9]+ tests? failed out of' "$log" | tail -1 || true)
    if [[ ! $line =~ ([0-9]+)\ tests?\ failed\ out\ of\ ([0-9]+) ]]; then
        bad "ctest ran no test (its output: $log)"
        CTEST_FAILED=$((CTEST_FAILED + 1))
        return
    fi
    CTEST_FAILED=$((CTEST_FAILED + BASH_REMATCH[1]))
    CTEST_PASSED=$((CTEST_PASSED + BASH_REMATCH[2] - BASH_REMATCH[1]))
    if ((BASH_REMATCH[1])); then
        step "failed in preset $preset (again: ./dev test NAME)"
        sed -n '/^The following tests FAILED/,/^Errors while/s/^[[:space:]]*[0-9]* - /      /p' "$log"
    fi
}

# Lints count as tests. The closing line is the same with and without failures.
tests_summary() {
    local failed=$((CTEST_FAILED + ${LINT_FAILED:-0}))
    local passed=$((CTEST_PASSED + ${LINT_COUNT:-0} - ${LINT_FAILED:-0}))
    if ((${LINT_FAILED:-0})); then bad "$LINT_FAILED of $LINT_COUNT lints (their output is above the tests)"; fi
    echo "$passed passed, $failed failed"
    ((failed == 0))
}
