#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# image-size.sh BIN: assembles the image's files from the programs in BIN, runs each from there in a
# root of its own where that is permitted, and fails where they take more than 30 MB.
set -euo pipefail

LIMIT=30000000
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(mktemp -d "${TMPDIR:-/tmp}/outrider-image-XXXXXX")
trap 'rm -rf "$out"' EXIT
bash deploy/image/assemble.sh "$out" "$1"

for program in outrider outrider-agent outrider-collector; do
    if [[ $(id -u) == 0 ]]; then
        chroot "$out" "/usr/bin/$program" --help >/dev/null
    fi
done
bytes=$(find "$out" -type f -printf '%s\n' | awk '{n += $1} END {print n}')
files=$(find "$out" -type f | wc -l)
echo "{\"image_bytes\":$bytes,\"files\":$files,\"limit_bytes\":$LIMIT}"
((bytes <= LIMIT))
