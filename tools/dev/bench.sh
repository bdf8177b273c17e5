# SPDX-License-Identifier: Apache-2.0
#: bench [NAME [ARGUMENT...]] -- run a benchmark on the release build: one JSON line per figure
#:
#: NAME is a script tools/bench/NAME.sh, or the module of a *_bench.c ("policy/eval"), or a folder
#: of them ("policy"). Without a name they are listed. Arguments are passed on.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh

bench_scripts() {
    find tools/bench -name '*.sh' -printf '%f\n' 2>/dev/null | sed 's/\.sh$//' | sort
}

matching_modules() { # NAME
    modules_with bench | grep -E "^$1(/|\$)" || true
}

dev_run() {
    local name=${1:-} module
    local -a modules all
    if [[ -z $name ]]; then
        (bench_scripts; modules_with bench) | sort -u
        return
    fi
    shift
    mapfile -t all < <(bench_scripts; modules_with bench)
    mapfile -t modules < <(matching_modules "$name")
    if [[ ! -e tools/bench/$name.sh && ${#modules[@]} == 0 ]]; then
        die_usage "no benchmark '$name' (there are: ${all[*]:-none yet})"
    fi
    # Figures go to stdout alone, so that they can be piped.
    { ensure_packages build && build_preset release; } >&2
    export OUTRIDER_BIN=$DEV_ROOT/build/release/bin
    if [[ -e tools/bench/$name.sh ]]; then
        bash "tools/bench/$name.sh" "$@"
        return
    fi
    for module in "${modules[@]}"; do
        "$OUTRIDER_BIN/bench_${module//[^a-zA-Z0-9]/_}" "$@"
    done
}
