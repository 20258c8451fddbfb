# SPDX-License-Identifier: MIT
# Completion of toolooctl(1) for bash.

_toolooctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} verb='' word i
        local verbs='start stop restart reload status list logs dev'

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $word != -* && " $verbs " == *" $word "* ]]; then
                        verb=$word
                        break
                fi
        done

        # The values of options without a list of their own are nobody's to guess.
        if [[ ${COMP_WORDS[COMP_CWORD - 1]} == -n ]]; then
                return
        fi

        local options='--quiet --help --version' names=''
        case $verb in
        '') names=$verbs ;;
        start | stop | restart) names=$(_toolooctl_ids) ;;
        reload)
                options+=' --changed --modules='
                names=$(_toolooctl_ids)
                ;;
        status | list)
                options+=' --json'
                names=$(_toolooctl_ids)
                ;;
        logs)
                options+=' --follow --lines= --since= --json'
                names="$(_toolooctl_ids) watchd"
                ;;
        dev)
                options+=' --build='
                if [[ $cur != -* ]]; then
                        compopt -o filenames
                        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
                        return
                fi
                ;;
        esac
        if [[ $cur == -* ]]; then
                names=$options
        fi
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
        if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
                compopt -o nospace
        fi
}

# An id has no character that JSON would escape.
_toolooctl_ids() {
        toolooctl list --json 2>/dev/null | grep -o '"id":"[a-z0-9-]*"' | cut -d '"' -f 4
}

complete -F _toolooctl toolooctl
