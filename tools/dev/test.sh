# SPDX-License-Identifier: Apache-2.0
#: test [--kafka] [NAME...] -- lint, and all quick tests under ASan and UBSan
#:
#: Each NAME is a test ("base/json") or a folder of tests ("base"); with names, only these are
#: built and run, without lint. Slow tests (crash, soak) belong to ./dev nightly.
#: --kafka runs the tests against a real Kafka instead, which it downloads once (Java, Maven).
#: The last line says how many passed and failed.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh
source tools/dev/lib/lint.sh
source tools/dev/lib/ctest.sh

some_tests() {
    local name pattern=''
    local -a skip=()
    for name in "$@"; do
        [[ $name == -* ]] && die_usage "test knows no option '$name'"
        pattern+="${pattern:+|}${name%/}"
    done
    build_preset asan
    if [[ $pattern != *kafka* ]]; then skip=(-LE kafka); fi
    run_ctest asan -R "^(fuzz/)?($pattern)(/|\$)" "${skip[@]}"
    tests_summary
}

kafka_tests() {
    ensure_packages build test kafka
    tools/kafka.sh fetch
    build_preset asan
    step "tests against a real Kafka"
    run_ctest asan -L kafka -LE slow
    tests_summary
}

dev_run() {
    if [[ ${1:-} == --kafka && $# == 1 ]]; then
        kafka_tests
        return
    fi
    ensure_packages build test
    if [[ $# -gt 0 ]]; then
        some_tests "$@"
        return
    fi
    build_preset asan
    lint_all asan || true
    step "tests under ASan and UBSan"
    run_ctest asan -LE 'slow|kafka'
    tests_summary
}
