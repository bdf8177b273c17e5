# SPDX-License-Identifier: Apache-2.0
#: format [FILE...] -- put C files into the project's format (clang-format 14, in place)
source tools/dev/lib/deps.sh
source tools/dev/lib/lint.sh

dev_run() {
    ensure_packages test
    if [[ $# -gt 0 ]]; then
        (cd "$DEV_CALLER" && clang-format-14 --style="file:$DEV_ROOT/.clang-format" -i "$@")
    else
        c_files | xargs -r clang-format-14 -i
    fi
}
