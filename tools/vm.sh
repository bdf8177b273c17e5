#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests inside of Debian's kernels, booted under qemu without acceleration (it is not there everywhere,
# and nested it may hang), from an initramfs that holds busybox and the tests' programs.
#
#   tools/vm.sh fetch                    downloads the kernels once, into ${XDG_CACHE_HOME:-~/.cache}/outrider
#   tools/vm.sh run SERIES PROGRAM...    boots 6.1 or 6.12 and runs each program there: 0 all passed,
#                                        77 neither qemu nor the kernel is here, else 1
set -euo pipefail

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/outrider/kernels
declare -A META=([6.1]=linux-image-cloud-amd64 [6.12]=linux-image-6.12-cloud-amd64)
BOOT_SECONDS=400

die() {
    echo "vm.sh: $*" >&2
    exit 1
}

# The package that Debian means today by a series.
newest() { # SERIES
    apt-cache depends "${META[$1]}" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -1
}

fetch_one() { # SERIES
    local name work
    name=$(newest "$1")
    [[ -n $name ]] || die "Debian has no kernel ${META[$1]}; apt-get update?"
    [[ -e $CACHE/$1/$name ]] && return
    echo "downloading $name into $CACHE" >&2
    mkdir -p "$CACHE/$1"
    work=$(mktemp -d "$CACHE/fetch-XXXXXX")
    (cd "$work" && apt-get -qq -o Acquire::Retries=3 download "$name" && dpkg-deb -x ./*.deb tree) >&2 ||
        die "$name could not be downloaded"
    rm -f "$CACHE/$1"/*
    mv "$work"/tree/boot/vmlinuz-* "$CACHE/$1/vmlinuz"
    touch "$CACHE/$1/$name"
    rm -rf "$work"
}

put() { # ROOT FILE: the file, where it is, with the libraries it needs
    local root=$1 file
    shift
    for file in "$@"; do
        [[ -e $root/$file ]] || install -D "$file" "$root/$file"
        ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r lib; do
            [[ -e $root/$lib ]] || install -D "$lib" "$root/$lib"
        done
    done
}

write_init() { # ROOT PROGRAM...
    local root=$1 program
    shift
    {
        cat <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /tmp /dev /run /etc
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs tmp /tmp
/bin/busybox mkdir -p /sys/fs/cgroup
/bin/busybox mount -t cgroup2 cgroup /sys/fs/cgroup
/bin/busybox mount -t securityfs sec /sys/kernel/security
/bin/busybox mount -t tracefs trace /sys/kernel/tracing
/bin/busybox ifconfig lo 127.0.0.1 up
export PATH=/bin:/usr/bin HOME=/tmp OUTRIDER_VM=1 ASAN_OPTIONS=detect_leaks=0
cd /
echo "VM-KERNEL $(/bin/busybox uname -r) lsm $(/bin/busybox cat /sys/kernel/security/lsm)"
INIT
        for program in "$@"; do
            printf '%s\necho "VM-RESULT %s $?"\n' "$program" "$(basename "$program")"
        done
        printf 'echo VM-DONE\n/bin/busybox poweroff -f\n'
    } >"$root/init"
    chmod +x "$root/init"
}

build_root() { # ROOT PROGRAM...
    local root=$1
    mkdir -p "$root/bin" "$root/etc" "$root/ebpf"
    cp ebpf/*.bpf.h "$root/ebpf/" # one test reads them
    install "$(command -v busybox)" "$root/bin/busybox"
    ln -s busybox "$root/bin/sh"
    ln -s busybox "$root/bin/true"
    ln -s busybox "$root/bin/cat"
    printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
    put "$@"
    write_init "$@"
}

run() { # SERIES PROGRAM...
    local series=$1 dir failed=0 program
    shift
    [[ -n ${META[$series]:-} ]] || die "no kernel series '$series'"
    for program in qemu-system-x86_64 busybox cpio; do
        command -v $program >/dev/null || { echo "skipped: no $program (./dev test --vm installs it)"; exit 77; }
    done
    [[ -e $CACHE/$series/vmlinuz ]] ||
        { echo "skipped: no kernel $series (tools/vm.sh fetch downloads it)"; exit 77; }
    dir=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder is known now
    trap "rm -rf '$dir'" EXIT
    build_root "$dir/root" "$@"
    (cd "$dir/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$dir/initramfs"
    timeout "$BOOT_SECONDS" qemu-system-x86_64 -accel tcg -cpu qemu64,+ssse3,+sse4.1,+sse4.2 -m 1536 -smp 2 \
        -nographic -no-reboot -kernel "$CACHE/$series/vmlinuz" -initrd "$dir/initramfs" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off sysctl.kernel.perf_event_paranoid=3" \
        </dev/null 2>&1 | tr -d '\r' | tee "$dir/log" || true
    grep -q '^VM-DONE' "$dir/log" || die "the machine with $series did not come to its end"
    for program in "$@"; do
        grep -qE "^VM-RESULT $(basename "$program") 0\$" "$dir/log" || {
            echo "FAILED on $series: $(basename "$program")"
            failed=1
        }
    done
    exit $failed
}

case ${1:-} in
fetch) for series in "${!META[@]}"; do fetch_one "$series"; done ;;
run) shift; [[ $# -ge 2 ]] || die "run SERIES PROGRAM..."; run "$@" ;;
*) die "usage: vm.sh fetch | run SERIES PROGRAM..." ;;
esac
