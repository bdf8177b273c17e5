# SPDX-License-Identifier: Apache-2.0
# Configuring and building a preset, with the failure in sight.

# configure PRESET
configure() {
    local log=build/$1/configure.log
    mkdir -p "build/$1"
    if ! cmake --preset "$1" >"$log" 2>&1; then
        tail -30 "$log" >&2
        die "preset '$1' could not be configured (all of it: $log)"
    fi
}

# Off a terminal ninja would print a line for each file: then only what goes wrong is shown.
run_build() {
    local -a build=(cmake --build --preset "$@" -j "$(jobs_count)")
    if [[ -t 1 ]]; then
        "${build[@]}"
    else
        "${build[@]}" -- --quiet 2>&1 | sed -u '/^ninja: no work to do/d'
    fi
}

# build_preset PRESET [TARGET…]: the whole of it where no target is named.
build_preset() {
    local preset=$1 start=$SECONDS target
    local -a targets=()
    shift
    for target in "$@"; do targets+=(--target "$target"); done
    configure "$preset"
    run_build "$preset" "${targets[@]}" ||
        die "preset '$preset' does not build; the first error above is the one to read"
    good "built $preset${1:+ ($*)} in $((SECONDS - start)) s"
}

presets() {
    sed -n '/"buildPresets"/,/\]/s/.*"name": *"\([a-z]*\)".*/\1/p' CMakePresets.json
}

# modules_with SUFFIX: base/json for base/json_fuzz.c, agent/spool for agent/spool/spool_fuzz.c; the
# names are those that tools/cmake/room.cmake gives to tests and corpus folders.
modules_with() {
    sources_with "$1" | sed -E "s#_$1\\.c\$##; s#/([^/]+)/\\1\$#/\\1#"
}

# sources_with SUFFIX: sources of that kind, "bench" for *_bench.c.
sources_with() {
    find . -path ./build -prune -o -path './.*' -prune -o -name "*_$1.c" -print | sed 's|^\./||' | sort
}
