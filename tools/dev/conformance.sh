# SPDX-License-Identifier: Apache-2.0
#: conformance [NAME [DIR]] -- run a public suite; the last line is "NAME: passed/total"
#:
#: NAME is a folder of ../shared/corpora for which there is a program *_conformance_tool.c; without
#: a name they are listed. DIR is another folder of the same layout, any part of which may be absent.
#: Exit code 1 where a case fails. Where ../shared is absent the suite is skipped and says so.
source tools/dev/lib/deps.sh
source tools/dev/lib/cmake.sh
source tools/dev/lib/conformance.sh

dev_run() {
    local name=${1:-} dir
    if [[ -z $name ]]; then
        conformance_suites
        return
    fi
    if ! grep -qx -- "$name" <<<"$(conformance_suites)"; then
        die_usage "no suite '$name' (there are: $(conformance_suites | paste -sd ' '))"
    fi
    if [[ $# -gt 1 ]]; then
        dir=$(cd "$DEV_CALLER" && realpath -e -- "$2" 2>/dev/null) || die_usage "no folder '$2'"
    else
        dir=$(realpath -m "$DEV_ROOT/../shared/corpora/$name")
    fi
    if [[ ! -d $dir ]]; then
        echo "$name: skipped, there is no folder ../shared/corpora/$name beside the project"
        return
    fi
    ensure_packages build test
    build_preset "${DEV_PRESET:-dev}" "$(conformance_program "$name")"
    conformance_run "$name" "$dir" "${DEV_PRESET:-dev}"
}
