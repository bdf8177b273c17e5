#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The applications of the Cedar paper and sets of up to 10,000 policies, every answer checked; then one
# decision of the size of examples/orders, and sets of other shapes. --peer runs the Rust engine and cedar-go on the same cases
# beside ours, and prints how many times longer each takes. The cases are unpacked under build/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${OUTRIDER_BIN:-build/release/bin}
archive=../shared/corpora/cedar-oopsla/cases.tar.xz
cases=build/cedar-oopsla
peers=build/peers
declare -A engines=()

say() { echo "bench policy: $*" >&2; }

case ${1:-} in
'') ;;
--peer) ;;
*)
    say "usage: ./dev bench policy [--peer]"
    exit 2
    ;;
esac

unpack() {
    [[ -d $cases ]] && return
    [[ -e $archive ]] || return 1
    rm -rf "$cases.new"
    mkdir -p "$cases.new"
    tar -C "$cases.new" -xf "$archive"
    mv "$cases.new" "$cases"
}

build_rust() {
    if ! command -v cargo >/dev/null; then
        say "no peer rust: there is no cargo"
        return
    fi
    # Copied, as cargo writes its lock file beside them.
    mkdir -p "$peers/rust"
    cp -r tools/bench/peers/rust/. "$peers/rust"
    if (cd "$peers/rust" && cargo build --quiet --release) >&2; then
        engines[rust]=$peers/rust/target/release/bench-peer-rust
    else
        say "no peer rust: the crate cedar-policy could not be had or built"
    fi
}

build_go() {
    if ! command -v go >/dev/null; then
        say "no peer cedar-go: there is no go"
        return
    fi
    if (cd tools/bench/peers/go && go build -o "../../../../$peers/bench-peer-go" .) >&2; then
        engines[cedar-go]=$peers/bench-peer-go
    else
        say "no peer cedar-go: the module could not be had or built"
    fi
}

run_all() { # WHAT…: of each engine
    local engine
    "$bin/bench_policy_oopsla" "$1" "$cases" "${@:2}"
    for engine in "${!engines[@]}"; do
        "${engines[$engine]}" "$1" "$cases" "${@:2}"
    done
}

# How many times as long each peer takes, at the median.
ratios() {
    jq -cs 'map(select(.case == "scale" or .n)) | group_by([.app, .case, .n, .policies])[]
        | (map(select((.engine // "outrider") == "outrider"))[0]) as $ours
        | {bench: "policy", ratio: "p50"} + ($ours | {app, n, case, policies} | with_entries(select(.value)))
        + (map(select(.engine and .engine != "outrider")
            | {(.engine): (.p50_ns / $ours.p50_ns * 10 | round / 10)}) | add // {})'
}

if ! unpack; then
    say "skipped: there is no ../shared/corpora/cedar-oopsla beside the project"
    exit 0
fi
if [[ ${1:-} == --peer ]]; then
    build_rust
    build_go
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
{
    run_all apps
    for n in 10 100 1000 10000; do run_all scale "$n"; done
} | tee "$out"
"$bin/bench_policy_authorize"
"$bin/bench_policy_shapes"
if [[ ${#engines[@]} -gt 0 ]]; then ratios <"$out"; fi
