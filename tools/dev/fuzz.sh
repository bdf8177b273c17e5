# SPDX-License-Identifier: Apache-2.0
#: fuzz [TARGET|all] [SECONDS] -- run libFuzzer targets on a copy of their corpus (10 s each)
#:
#: TARGET is a module with a *_fuzz.c ("base/json") or a folder of them. A finding is kept under
#: build/fuzz/findings and reported with the command that reproduces it; once understood, it goes
#: into tests/corpus/TARGET, where the ordinary tests replay it.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh
source tools/dev/lib/fuzz.sh

dev_run() {
    local target=${1:-all} seconds=${2:-10} module failed=0
    local -a modules
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || die_usage "SECONDS is a number, not '$seconds'"
    mapfile -t modules < <(fuzz_modules "$target")
    if [[ ${#modules[@]} == 0 ]]; then
        die_usage "no fuzz target '$target' (there are: $(fuzz_modules all | paste -sd ' '))"
    fi
    ensure_packages build test
    build_preset fuzz
    for module in "${modules[@]}"; do
        fuzz_one "$module" "$seconds" || failed=$((failed + 1))
    done
    echo "$((${#modules[@]} - failed)) passed, $failed failed"
    ((failed == 0))
}
