# SPDX-License-Identifier: Apache-2.0
#: build [PRESET] [TARGET...] -- configure and build (preset dev unless said otherwise)
#:
#: Presets: dev, asan (AddressSanitizer and UBSan), fuzz (libFuzzer, clang), release.
#: Programs land in build/PRESET/bin.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh

dev_run() {
    local preset=${1:-dev}
    local -a known
    mapfile -t known < <(presets)
    if ! grep -qx -- "$preset" <<<"$(printf '%s\n' "${known[@]}")"; then
        die_usage "'$preset' is no preset (there are: ${known[*]})"
    fi
    shift || true
    if [[ $preset == release ]]; then ensure_packages build; else ensure_packages build test; fi
    build_preset "$preset" "$@"
}
