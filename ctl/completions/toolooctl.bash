# SPDX-License-Identifier: MIT
# Completion of toolooctl(1) for bash.

_toolooctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} verb='' word i
        local verbs='start stop restart reload status dev'

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $word != -* && " $verbs " == *" $word "* ]]; then
                        verb=$word
                        break
                fi
        done

        local options='--quiet --help --version' names=''
        case $verb in
        '') names=$verbs ;;
        start | stop | restart) names=$(toolooctl status --json 2>/dev/null | _toolooctl_ids) ;;
        reload)
                options+=' --changed --modules='
                names=$(toolooctl status --json 2>/dev/null | _toolooctl_ids)
                ;;
        status)
                options+=' --json'
                names=$(toolooctl status --json 2>/dev/null | _toolooctl_ids)
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
        grep -o '"id":"[a-z0-9-]*"' | cut -d '"' -f 4
}

complete -F _toolooctl toolooctl
