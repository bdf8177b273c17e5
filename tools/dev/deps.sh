# SPDX-License-Identifier: Apache-2.0
#: deps [build|test|kafka|bench|capture] -- install the packages that are missing (Debian 12, apt, sudo where not root)
#:
#: build: what building and running needs. test: what tests, fuzzing and lint need besides. kafka:
#: what a real Kafka needs. bench: the gate's peers and the load generator. capture: what reads
#: log files beside ours. Without a word build and test. The list is tools/packages.txt. Other verbs call this by themselves.
source tools/dev/lib/deps.sh

dev_run() {
    case ${1:-all} in
    build) ensure_packages build ;;
    kafka | bench | capture) ensure_packages "$1" ;;
    test | all) ensure_packages build test ;;
    *) die_usage "deps takes 'build', 'test', 'kafka', 'bench', 'capture' or nothing, not '$1'" ;;
    esac
    good "every package is installed"
}
