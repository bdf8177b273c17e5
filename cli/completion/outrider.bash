# SPDX-License-Identifier: Apache-2.0
# Completion of `outrider` for bash: source it, or put it into /etc/bash_completion.d.
# Verbs and flags come from --help, so they are always those of the installed program.
_outrider() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i
    local -a verbs=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] && break
        verbs+=("${COMP_WORDS[i]}")
    done
    [[ " ${COMP_WORDS[*]:1:COMP_CWORD-1} " == *" -- "* ]] && { compopt -o default; return; }
    local help
    help=$("${COMP_WORDS[0]}" "${verbs[@]}" --help 2>/dev/null)
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(grep -oE '^  --[a-z-]+' <<<"$help")" -- "$word")
    elif [[ $previous == --* ]]; then
        compopt -o default
    elif grep -q 'VERB --help' <<<"$help"; then
        mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^  \([a-z]*\) .*/\1/p' <<<"$help")" -- "$word")
    else
        compopt -o default
    fi
}
complete -F _outrider outrider
