#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# assemble.sh OUT BIN: puts the whole file system of the image into OUT: the programs in BIN
# without debug symbols, the libraries that they load (by ldd), certificates, and a user without a
# name or a shell. Nothing else is in it: no shell, no package manager, no /proc of its own.
set -euo pipefail

out=$1 bin=$2
programs=(outrider outrider-agent outrider-collector)

mkdir -p "$out"/{usr/bin,etc/ssl/certs,tmp,var/lib/outrider}
chmod 1777 "$out/tmp"
for program in "${programs[@]}"; do
    strip -o "$out/usr/bin/$program" "$bin/$program"
done

# "libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)", "/lib64/ld-linux-x86-64.so.2 (0x…)"
ldd "${programs[@]/#/$bin/}" | grep -oE '(=> )?/[^ :]+ \(' | tr -d '=>( ' | sort -u |
    while read -r library; do
        mkdir -p "$out$(dirname "$library")"
        cp -L "$library" "$out$library"
    done

if [[ -r /etc/ssl/certs/ca-certificates.crt ]]; then
    cp /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"
fi
echo 'outrider:x:65532:65532::/var/lib/outrider:/nonexistent' >"$out/etc/passwd"
echo 'outrider:x:65532:' >"$out/etc/group"
echo 'hosts: files dns' >"$out/etc/nsswitch.conf"
