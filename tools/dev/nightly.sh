# SPDX-License-Identifier: Apache-2.0
#: nightly [SECONDS] -- everything: tests, clang-tidy, slow tests, policy's program against its trees, the official Cedar, 20,000 queries against SQLite and DuckDB, other random documents, tokens and messages than by day, 100 kills around a broker that is away for 20 minutes, the OpenTelemetry Collector on our topics, each fuzz target (300 s), each public suite
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh
source tools/dev/lib/conformance.sh
source tools/dev/lib/otelcol.sh

dev_run() {
    local seconds=${1:-300} failed=0 suite
    local -a lanes=(test "test --kafka" "test --vm" tidy slow agree sql random loss otelcol "fuzz all $seconds")
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || die_usage "SECONDS is a number, not '$seconds'"
    for suite in $(conformance_suites); do lanes+=("conformance $suite"); done
    lanes+=("differential 20000 $(date +%s)")
    for lane in "${lanes[@]}"; do
        step "nightly: $lane"
        if [[ $lane == tidy ]]; then
            build_preset dev
            bash tools/tidy.sh build/dev || failed=$((failed + 1))
        elif [[ $lane == slow ]]; then
            ctest --test-dir build/asan -L slow --output-on-failure || failed=$((failed + 1))
        elif [[ $lane == agree ]]; then
            # Other sets each night; the seed is printed where one fails.
            OUTRIDER_POLICY_SETS=20000 OUTRIDER_POLICY_SEED=$(date +%s) \
                build/asan/bin/test_policy_agree || failed=$((failed + 1))
        elif [[ $lane == sql ]]; then
            OUTRIDER_SQL_QUERIES=20000 OUTRIDER_SQL_SEED=$(date +%s) OUTRIDER_SQL_DUCKDB=1 \
                OUTRIDER_BIN=build/asan/bin PYTHONPATH=tests/support \
                python3 tests/scenario/query_sql_test.py || failed=$((failed + 1))
            QUERIES=5000 build/asan/bin/test_collector_query_trail_search || failed=$((failed + 1))
        elif [[ $lane == random ]]; then
            # By day they are the same ones, so that no change is refused for what it did not touch.
            MASK_RANDOM_SEED=$(date +%s) MASK_RANDOM_N=15000 JWT_PEERS_SEED=$(date +%s) JWT_PEERS_N=10000 \
                OTLP_CODEC_SEED=$(date +%s) ctest --test-dir build/asan --output-on-failure \
                -R '^scenario/(mask_random|jwt_peers|otlp_codec)$' || failed=$((failed + 1))
        elif [[ $lane == loss ]]; then
            LOSS_KILLS=100 LOSS_OUTAGE=1200 OUTRIDER_BIN=build/asan/bin PYTHONPATH=tests/support \
                python3 tests/scenario/loss_kafka_slow_test.py || failed=$((failed + 1))
        elif [[ $lane == otelcol ]]; then
            OTELCOL=$(otelcol_program) OUTRIDER_BIN=build/asan/bin PYTHONPATH=tests/support \
                python3 tests/scenario/otelcol_reads_kafka_slow_test.py || failed=$((failed + 1))
        else
            # shellcheck disable=SC2086 # a lane is a verb and its arguments
            DEV_PRESET=asan ./dev $lane || failed=$((failed + 1))
        fi
    done
    echo "$((${#lanes[@]} - failed)) passed, $failed failed"
    ((failed == 0))
}
