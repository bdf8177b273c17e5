# SPDX-License-Identifier: Apache-2.0
# The list of lints, run one after the other; each may fail without hiding the next.

LINT_COUNT=0
LINT_FAILED=0

c_files() {
    find . -path './build*' -prune -o -path './.*' -prune -o -type f -name '*.[ch]' -print | sort
}

check_format() {
    local output
    output=$(c_files | xargs -r clang-format-14 --dry-run -Werror 2>&1) && return
    grep 'error:' <<<"$output" || echo "$output"
    echo "./dev format puts them right"
    return 1
}

# Each header is compiled by itself, all of them even where one fails.
check_headers_alone() { # PRESET
    local output
    output=$(cmake --build --preset "$1" --target all_verify_interface_header_sets \
        -j "$(jobs_count)" -- --quiet -k 0 2>&1) && return
    grep 'error:' <<<"$output" || echo "$output"
    return 1
}

# Every Python file parses; what it means is for its tests.
check_python() {
    find . -path './build*' -prune -o -path './.*' -prune -o -type f -name '*.py' -print | sort |
        python3 -c '
import ast, sys
failed = False
for path in sys.stdin.read().split("\n")[:-1]:
    try:
        with open(path, encoding="utf-8") as f:
            ast.parse(f.read(), path)
    except (SyntaxError, ValueError) as e:
        print(f"{path}: {e}")
        failed = True
sys.exit(failed)'
}

lint_one() { # NAME COMMAND…
    local name=$1 output
    shift
    LINT_COUNT=$((LINT_COUNT + 1))
    if output=$("$@" 2>&1); then
        good "lint/$name${output:+  ($output)}"
    else
        LINT_FAILED=$((LINT_FAILED + 1))
        bad "lint/$name"
        [[ -z $output ]] || sed 's/^/      /' <<<"$output"
    fi
}

# lint_all PRESET: PRESET's build must be up to date. False where a check failed.
lint_all() {
    step "lint"
    lint_one format check_format
    lint_one rooms python3 tools/rooms.py --build "build/$1"
    lint_one ratchet python3 tools/ratchet.py
    lint_one banned python3 tools/banned.py
    lint_one headers python3 tools/headers.py
    lint_one headers-alone check_headers_alone "$1"
    lint_one python check_python
    lint_one documents python3 tools/doclint.py
    [[ $LINT_FAILED == 0 ]]
}
