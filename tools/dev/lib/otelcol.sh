# SPDX-License-Identifier: Apache-2.0
# OpenTelemetry's Collector with what we compare with and what reads our topics (tools/bench/peers/otelcol),
# built once into ${XDG_CACHE_HOME:-~/.cache}/outrider.

# Prints where it is. Fails where there is no go, or the modules cannot be had.
otelcol_program() {
    local source=tools/bench/peers/otelcol cache=${XDG_CACHE_HOME:-$HOME/.cache}/outrider program
    program=$cache/otelcol-$(cat "$source"/* | sha256sum | cut -c1-12)
    if [[ ! -x $program ]]; then
        command -v go >/dev/null || return 1
        mkdir -p "$cache"
        echo "building OpenTelemetry's Collector once, into $program" >&2
        (cd "$source" && go build -trimpath -ldflags "-s -w" -o "$program.new" . >&2) || return 1
        mv "$program.new" "$program"
    fi
    echo "$program"
}
