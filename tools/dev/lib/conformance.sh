# SPDX-License-Identifier: Apache-2.0
# Public suites: a program *_conformance_tool.c takes a folder and ends with "NAME: passed/total".

conformance_suites() {
    sources_with conformance_tool | sed 's|.*/||; s/_conformance_tool\.c$//; s/_/-/g' | sort -u
}

conformance_program() { echo "$1-conformance-tool"; }

# Archives of the suite are unpacked beside the files of DIR, in a folder of links that takes DIR's
# place: it is printed, and the caller removes it.
conformance_unpack() { # DIR
    local dir=$1 laid entry
    laid=$(mktemp -d)
    for entry in "$dir"/*; do
        case $entry in
        *.tar.gz | *.tar.xz) tar -xf "$entry" -C "$laid" || return 1 ;;
        *) [[ -e $entry ]] && ln -s "$(realpath "$entry")" "$laid/" ;;
        esac
    done
    echo "$laid"
}

# conformance_oracle NAME DIR: where there is a tools/NAME_oracle.py and DIR has no expected.json of its
# own, asks it for the expected verdicts; prints their file, which the caller removes.
conformance_oracle() {
    local oracle=tools/$1_oracle.py schemas=$2/schema file
    [[ -d $schemas ]] || schemas=../shared/corpora/$1/schema
    [[ -f $oracle && -d $schemas && ! -e $2/expected.json ]] || return 0
    file=$(mktemp)
    if python3 "$oracle" "$2" "$schemas" >"$file"; then
        echo "$file"
    else
        rm -f "$file"
        note "$oracle gave no verdicts; only what is known to be valid is judged" >&2
    fi
}

# conformance_run NAME DIR PRESET: false where a case fails or the program does not say its count.
conformance_run() {
    local name=$1 dir=$2 program=build/$3/bin/$1-conformance-tool laid='' log status=0 last expected
    if compgen -G "$dir/*.tar.*" >/dev/null; then
        laid=$(conformance_unpack "$dir") || die "$name: an archive in $dir does not unpack"
        dir=$laid
    fi
    expected=$(conformance_oracle "$name" "$dir")
    log=$(mktemp)
    "$program" "$dir" ${expected:+"$expected"} | tee "$log" || status=$?
    last=$(tail -1 "$log")
    rm -rf "$log" ${laid:+"$laid"} ${expected:+"$expected"}
    if [[ ! $last =~ ^$name:\ ([0-9]+)/([0-9]+)$ ]]; then
        die "$program ended with status $status and without the line '$name: passed/total'"
    fi
    ((status == 0 && BASH_REMATCH[2] > 0 && BASH_REMATCH[1] == BASH_REMATCH[2]))
}
