# SPDX-License-Identifier: Apache-2.0
#: deps [build|test|kafka] -- install the packages that are missing (Debian 12, apt, sudo where not root)
#:
#: build: what building and running needs. test: what tests, fuzzing and lint need besides. kafka:
#: what a real Kafka needs. Without a word build and test. The list is tools/packages.txt. Other
#: verbs call this by themselves.
source tools/dev/lib/deps.sh

dev_run() {
    case ${1:-all} in
    build) ensure_packages build ;;
    kafka) ensure_packages kafka ;;
    test | all) ensure_packages build test ;;
    *) die_usage "deps takes 'build', 'test', 'kafka' or nothing, not '$1'" ;;
    esac
    good "every package is installed"
}
