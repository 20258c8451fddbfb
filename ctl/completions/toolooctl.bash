# SPDX-License-Identifier: MIT
# Completion of toolooctl(1) for bash.

_toolooctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} verb='' word i
        local verbs='start stop restart reload scale status list logs wait dev doctor alerts history timeline errors'

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $word != -* && " $verbs " == *" $word "* ]]; then
                        verb=$word
                        break
                fi
        done

        # The values of options without a list of their own are nobody's to guess.
        case ${COMP_WORDS[COMP_CWORD - 1]} in
        -n | -g) return ;;
        -p)
                mapfile -t COMPREPLY < <(compgen -W 'emerg alert crit err warning notice info debug' -- "$cur")
                return
                ;;
        esac

        local options='--quiet --help --version' names='' command=${COMP_WORDS[i + 1]:-}
        case $verb in
        '') names=$verbs ;;
        start | stop | restart) names=$(_toolooctl_ids) ;;
        reload)
                options+=' --changed --modules='
                names=$(_toolooctl_ids)
                ;;
        scale)
                if ((i + 1 == COMP_CWORD)); then
                        names=$(_toolooctl_ids)
                else
                        names='1 2 3 4'
                fi
                ;;
        status | list)
                options+=' --json --no-pager'
                names=$(_toolooctl_ids)
                ;;
        logs)
                options+=' --follow --lines= --since= --until= --priority= --grep= --generation= --json --cmd --no-pager'
                names="$(_toolooctl_ids) watchd"
                ;;
        wait)
                options+=' --for= --timeout='
                names=$(_toolooctl_ids)
                ;;
        alerts)
                options+=' --json'
                if ((i + 1 < COMP_CWORD)); then
                        _toolooctl_alerts
                else
                        options+=' --all'
                        names='list rules add rm trigger silence silences unsilence'
                fi
                ;;
        history)
                options+=' --since= --until= --step= --table --json'
                if ((i + 1 < COMP_CWORD)); then
                        names="$_toolooctl_metrics journal.errors"
                else
                        names=$(_toolooctl_ids)
                fi
                ;;
        timeline)
                options+=' --since= --until= --lines= --kind= --json'
                names=$(_toolooctl_ids)
                ;;
        errors)
                options+=' --lines= --json'
                names=$(_toolooctl_ids)
                ;;
        doctor)
                options+=' --fix --all --json'
                names='manager linger journal clock disk inotify user-namespaces versions registry loaded left-over overridden'
                names+=' members credentials modules ports failed sandbox hosts generations following'
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

_toolooctl_metrics='responseTime health restarts memory cpu errorRate requests errors generation'

# Of "alerts", behind its command; sets options and names of the caller.
_toolooctl_alerts() {
        case $command in
        list) options+=' --all' ;;
        add)
                options+=' --dry-run --metric= --operator= --threshold= --action= --service= --severity= --for= --cooldown='
                options+=' --margin= --param= --no-action --id= --description='
                ;;
        rm)
                options+=' --dry-run'
                names=$(_toolooctl_alert_ids rules)
                ;;
        trigger)
                options+=' --dry-run'
                names=$_toolooctl_metrics
                if ((COMP_CWORD > i + 2)); then
                        names=$(_toolooctl_ids)
                fi
                ;;
        silence)
                options+=' --dry-run --for= --reason= --rule='
                names=$(_toolooctl_ids)
                ;;
        unsilence)
                options+=' --dry-run'
                names=$(_toolooctl_alert_ids silences)
                ;;
        esac
}

# The ids in what a command of "alerts" lists.
_toolooctl_alert_ids() {
        toolooctl alerts "$1" --json 2>/dev/null | grep -o '{"id":"[A-Za-z0-9._-]*"' | cut -d '"' -f 4
}

# An id has no character that JSON would escape.
_toolooctl_ids() {
        toolooctl list --json 2>/dev/null | grep -o '"id":"[a-z0-9-]*"' | cut -d '"' -f 4
}

complete -F _toolooctl toolooctl
