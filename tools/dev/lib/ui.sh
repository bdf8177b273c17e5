# SPDX-License-Identifier: Apache-2.0
# What ./dev says and how: colour on a terminal only, errors on stderr, wrong usage exits with 2.

BOLD='' RED='' GREEN='' YELLOW='' PLAIN=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
fi

step() { echo "${BOLD}==> $*${PLAIN}"; }
good() { echo "${GREEN}ok${PLAIN}    $*"; }
bad() { echo "${RED}FAIL${PLAIN}  $*"; }
note() { echo "${YELLOW}note${PLAIN}  $*"; }

die() {
    echo "./dev: $*" >&2
    exit 1
}

die_usage() {
    echo "./dev: $*" >&2
    exit 2
}

jobs_count() { nproc 2>/dev/null || echo 2; }

# Levenshtein distance of two short words.
distance() {
    local a=$1 b=$2 i j best change diagonal up
    local -a row
    for ((j = 0; j <= ${#b}; j++)); do row[j]=$j; done
    for ((i = 1; i <= ${#a}; i++)); do
        diagonal=${row[0]}
        row[0]=$i
        for ((j = 1; j <= ${#b}; j++)); do
            up=${row[j]}
            change=$diagonal
            [[ ${a:i-1:1} == "${b:j-1:1}" ]] || change=$((diagonal + 1))
            best=$((up < row[j - 1] ? up + 1 : row[j - 1] + 1))
            row[j]=$((best < change ? best : change))
            diagonal=$up
        done
    done
    echo "${row[${#b}]}"
}

# nearest WORD NAME…: the name that WORD was probably meant to be; nothing where none is near.
nearest() {
    local word=$1 name best='' least d
    shift
    least=$((${#word} / 3 + 2))
    for name in "$@"; do
        if [[ ${#word} -ge 3 && $name == "$word"* ]]; then
            echo "$name"
            return
        fi
        d=$(distance "$word" "$name")
        if ((d < least)); then
            least=$d
            best=$name
        fi
    done
    echo "$best"
}
