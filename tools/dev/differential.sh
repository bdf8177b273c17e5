# SPDX-License-Identifier: Apache-2.0
#: differential [REQUESTS [SEED]] -- random cases for our Cedar engine and the official one
#:
#: 2,000 requests without a number. The official engine is an npm package (tests/differential);
#: where Node or the package cannot be had it is skipped and says so. Exit code 1 where they differ.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh

# The package lies under build/; an npm that hangs is no reason to wait for ever.
differential_install() {
    local dir=build/differential
    mkdir -p "$dir"
    cp tests/differential/package.json "$dir/"
    [[ -d $dir/node_modules/@cedar-policy/cedar-wasm ]] && return
    (cd "$dir" && timeout 180 npm install --no-package-lock --no-audit --no-fund --silent)
}

differential_run() { # PRESET REQUESTS SEED
    NODE_PATH=build/differential/node_modules node tests/differential/cedar.cjs \
        "build/$1/bin/cedar-answer-tool" "$2" "$3"
}

dev_run() {
    local requests=${1:-2000} seed=${2:-1} preset=${DEV_PRESET:-dev} status=0
    [[ $requests =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] || die_usage "REQUESTS and SEED are numbers"
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        echo "differential: skipped, there is no Node with npm here"
        return
    fi
    if ! differential_install; then
        echo "differential: skipped, the npm package @cedar-policy/cedar-wasm cannot be had"
        return
    fi
    ensure_packages build test
    build_preset "$preset" cedar-answer-tool
    differential_run "$preset" "$requests" "$seed" || status=$?
    if ((status > 128)); then
        note "Node itself ended by signal $((status - 128)); once more"
        status=0
        differential_run "$preset" "$requests" "$seed" || status=$?
    fi
    # The package is there, but does not load.
    ((status == 77)) && return 0
    return "$status"
}
