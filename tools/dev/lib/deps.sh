# SPDX-License-Identifier: Apache-2.0
# Packages: which are missing, and installing them through apt.

# packages GROUP…: their names, from the one list.
packages() {
    local group
    for group in "$@"; do
        sed -n "s/^$group //p" tools/packages.txt
    done
}

missing_packages() {
    local -A have=()
    local name status
    while read -r name status; do
        [[ $status == 'install ok installed' ]] && have[$name]=1
    done < <(dpkg-query -W -f '${Package} ${Status}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        [[ -n ${have[$name]:-} ]] || echo "$name"
    done
}

apt() {
    local -a root=()
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || die "not root and no sudo; as root, run: apt-get $*"
        root=(sudo)
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=120 "$@"
}

# A server package starts its server when it is installed, unless this file says no: what is installed
# here is for those who start it themselves.
readonly START_POLICY=/usr/sbin/policy-rc.d

# as_root COMMAND…
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# quietly COMMAND…: runs it while no package may start a server.
quietly() {
    local failed=0
    if [[ -e $START_POLICY ]] || ! printf '#!/bin/sh\nexit 101\n' | as_root tee $START_POLICY >/dev/null; then
        "$@"
        return
    fi
    as_root chmod 755 $START_POLICY
    "$@" || failed=$?
    as_root rm -f $START_POLICY
    return $failed
}

# ensure_packages GROUP…: installs what is missing; quick and silent where nothing is.
ensure_packages() {
    local -a wanted missing
    mapfile -t wanted < <(packages "$@")
    if ! command -v dpkg-query >/dev/null; then
        note "this is no Debian; the packages needed are: ${wanted[*]}"
        return
    fi
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [[ ${#missing[@]} == 0 ]] && return
    step "installing ${#missing[@]} packages: ${missing[*]}"
    apt update || die "apt-get update failed; is the network there?"
    quietly apt install -y --no-install-recommends "${missing[@]}" >/dev/null ||
        die "apt-get could not install: ${missing[*]}"
}
