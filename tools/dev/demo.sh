# SPDX-License-Identifier: Apache-2.0
#: demo [--kafka] -- build and show the main job on a small real data product (examples/demo.sh)
#:
#: --kafka brings the records over a real Kafka, which it downloads once (Java, Maven).
#: Installs only what building and running needs. Ends by itself and leaves nothing running.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh

dev_run() {
    local arg
    ensure_packages build
    build_preset release programs
    for arg in "$@"; do
        [[ $arg == --kafka ]] || continue
        ensure_packages kafka
        build_preset release kafka-topic-tool
    done
    export OUTRIDER_BIN=$DEV_ROOT/build/release/bin
    exec examples/demo.sh "$@"
}
