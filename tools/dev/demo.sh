# SPDX-License-Identifier: Apache-2.0
#: demo [ARGUMENT...] -- build and show the main job on a small real data product (examples/demo.sh)
#:
#: Installs only what building and running needs. Ends by itself and leaves nothing running.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh

dev_run() {
    ensure_packages build
    build_preset release programs
    export OUTRIDER_BIN=$DEV_ROOT/build/release/bin
    exec examples/demo.sh "$@"
}
