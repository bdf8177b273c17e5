# SPDX-License-Identifier: Apache-2.0
#: test [--kafka|--vm] [NAME...] -- lint, and all quick tests under ASan and UBSan
#:
#: Each NAME is a test ("base/json") or a folder of tests ("base"); with names, only these are
#: built and run, without lint. Slow tests (crash, soak) belong to ./dev nightly.
#: --kafka runs the tests against a real Kafka instead, which it downloads once (Java, Maven).
#: --vm runs the tests of the room ebpf in Debian's kernels 6.1 and 6.12 instead, under qemu.
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
    if [[ $pattern != *kafka* && $pattern != *vm* ]]; then skip=(-LE 'kafka|vm'); fi
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

vm_tests() {
    ensure_packages build test vm
    tools/vm.sh fetch
    build_preset asan
    step "tests in other kernels"
    run_ctest asan -L vm
    tests_summary
}

dev_run() {
    if [[ ${1:-} == --vm && $# == 1 ]]; then
        vm_tests
        return
    fi
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
    run_ctest asan -LE 'slow|kafka|vm'
    tests_summary
}
