#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deploy/: the units are what systemd takes, and closed; the image holds what the programs need.
set -euo pipefail

bin=${OUTRIDER_BIN:-build/dev/bin}
bin=$(cd "$bin" && pwd)
passed=0 failed=0

check() { # NAME COMMAND…
    local output
    if output=$("${@:2}" 2>&1); then
        passed=$((passed + 1))
        echo "ok   $1${output:+: $output}"
    else
        failed=$((failed + 1))
        printf 'FAIL %s:\n%s\n' "$1" "$output"
    fi
}

units=$(mktemp -d)
trap 'rm -rf "$units"' EXIT
for unit in deploy/systemd/*.service; do
    sed "s|/usr/bin/outrider|$bin/outrider|" "$unit" >"$units/$(basename "$unit")"
done

# Of warnings too: an unknown key is one.
verify() { # UNIT
    local output
    output=$(systemd-analyze verify --man=no --recursive-errors=no "$1" 2>&1) && [[ -z $output ]] ||
        { echo "$output"; return 1; }
}

exposure() { # UNIT
    local output
    output=$(systemd-analyze security --no-pager --offline=true --threshold=20 "$1" 2>&1) ||
        { tail -5 <<<"$output"; return 1; }
    grep -oE 'exposure level.*: [0-9.]+' <<<"$output"
}

if command -v systemd-analyze >/dev/null; then
    cp "$units/outrider-agent@.service" "$units/outrider-agent@orders.service"
    for unit in outrider-collector outrider-agent@orders; do
        check "systemd takes $unit" verify "$units/$unit.service"
        check "$unit is closed" exposure "$units/$unit.service"
    done
else
    echo "skip the units: systemd-analyze is not installed"
fi
if [[ $(ldd "$bin/outrider") == *libasan* ]]; then
    echo "skip the image's size: these programs carry AddressSanitizer; .ci/run measures release"
else
    check "the image's size" bash tools/image-size.sh "$bin"
fi
echo "$passed passed, $failed failed"
((failed == 0))
