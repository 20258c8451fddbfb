# SPDX-License-Identifier: MIT
# Completion of toolooctl(1) for bash. Verbs and options are asked of --help, so that there is no second list of them.

_toolooctl_verbs() {
        toolooctl --help 2>/dev/null | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p'
}

# "--NAME", or "--NAME=" where it takes a value; of one verb, or of none.
_toolooctl_options() {
        toolooctl "$@" --help 2>/dev/null | sed -nE 's/^ +(-[a-z], +)?(--[a-z-]+=?).*/\2/p'
}

# An id has no character that JSON would escape.
_toolooctl_ids() {
        toolooctl list --json 2>/dev/null | grep -o '"id":"[a-z0-9-]*"' | cut -d '"' -f 4
}

# The ids in what a command of "alerts" lists.
_toolooctl_alert_ids() {
        toolooctl alerts "$1" --json 2>/dev/null | grep -o '{"id":"[A-Za-z0-9._-]*"' | cut -d '"' -f 4
}

# The names in what "provider" or "key" lists. Of a provider, its models are strings and so no such field.
_toolooctl_names() { # VERB
        toolooctl "$1" list --json 2>/dev/null | grep -o '"name":"[a-z0-9-]*"' | cut -d '"' -f 4
}

# The models of a provider.
_toolooctl_models() { # PROVIDER
        toolooctl provider list --json 2>/dev/null | grep -o "\"name\":\"$1\"[^]]*" | grep -o '"models":\[.*' | cut -d '[' -f 2 |
                tr -d '"' | tr ',' '\n'
}

# The words that the help of a verb with commands begins lines with.
_toolooctl_commands() { # VERB
        toolooctl "$1" --help 2>/dev/null | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p'
}

# What may stand behind "provider" and "key": at number 1 a command.
_toolooctl_named() { # VERB COMMAND NUMBER
        case $3-$2 in
        1-*) _toolooctl_commands "$1" ;;
        2-show | 2-edit | 2-remove | 2-test | 2-revoke) _toolooctl_names "$1" ;;
        3-test) _toolooctl_models "$second" ;;
        esac
}

_toolooctl_metrics='responseTime health restarts memory cpu errorRate requests errors generation'

# What may stand behind "alerts": at number 1 its command.
_toolooctl_alerts() { # COMMAND NUMBER
        if (($2 == 1)); then
                echo 'list rules add rm trigger silence silences unsilence'
                return
        fi
        case $1 in
        rm) _toolooctl_alert_ids rules ;;
        unsilence) _toolooctl_alert_ids silences ;;
        silence) _toolooctl_ids ;;
        trigger) if (($2 == 2)); then echo "$_toolooctl_metrics"; else _toolooctl_ids; fi ;;
        esac
}

# What may stand behind a verb as operand NUMBER.
_toolooctl_operands() { # VERB NUMBER FIRST-OPERAND
        case $1 in
        add | budget | top) ;;
        key | provider) _toolooctl_named "$1" "$3" "$2" ;;
        ledger) (($2 == 1)) && _toolooctl_commands ledger ;;
        alerts) _toolooctl_alerts "$3" "$2" ;;
        doctor) toolooctl doctor --help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]+)( .*)?$/\1/p' ;;
        diff | edit | scale | why) (($2 == 1)) && _toolooctl_ids ;;
        history) if (($2 == 1)); then _toolooctl_ids; else echo "$_toolooctl_metrics journal.errors"; fi ;;
        logs) _toolooctl_ids && echo watchd ;;
        *) _toolooctl_ids ;;
        esac
}

# Of options whose value is one of a few words.
_toolooctl_values() {
        case $1 in
        --priority | -p) echo 'emerg alert crit err warning notice info debug' ;;
        --on-change) echo 'restart swap reload none' ;;
        --category) echo 'infrastructure core extended integration control' ;;
        --severity) echo 'info warning critical' ;;
        --action) echo 'notify restart-service reload-service switch-provider scale-up' ;;
        --generation) echo 'current previous' ;;
        --sort) echo 'port id state response restarts memory cpu age' ;;
        --ability) echo 'tools vision json reasoning' ;;
        --format) echo 'jsonl csv' ;;
        --kind)
                if [[ $verb == provider ]]; then
                        echo 'openai anthropic ollama gemini'
                else
                        echo 'state restart reload build alert remediation monitor'
                fi
                ;;
        --after | --service) _toolooctl_ids ;;
        esac
}

_toolooctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' first='' second='' number=0 word i words

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $word == -* || $word == = || ${COMP_WORDS[i - 1]} == = ]]; then
                        continue
                elif [[ -z $verb ]]; then
                        verb=$word
                else
                        number=$((number + 1))
                        first=${first:-$word}
                        second=$word
                fi
        done

        # "=" is a word of its own on bash's command line.
        if [[ "$before$cur" == --@(key-file|prices)= || $before == = && ${COMP_WORDS[COMP_CWORD - 2]} == --@(key-file|prices) ]]; then
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "${cur#=}")
                return
        elif [[ $cur == = ]]; then
                cur=''
                words=$(_toolooctl_values "$before")
        elif [[ $before == = ]]; then
                words=$(_toolooctl_values "${COMP_WORDS[COMP_CWORD - 2]}")
        elif [[ $before == -[np] || $before == -g ]]; then
                words=$(_toolooctl_values "$before")
        elif [[ $cur == -* ]]; then
                # shellcheck disable=SC2086 # no word where there is no verb
                words=$(_toolooctl_options $verb)
        elif [[ -z $verb ]]; then
                words=$(_toolooctl_verbs)
        elif [[ $verb == dev || $verb == import ]]; then
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return
        else
                words=$(_toolooctl_operands "$verb" $((number + 1)) "$first")
        fi
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
        if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
                compopt -o nospace
        fi
}

complete -F _toolooctl toolooctl
