# SPDX-License-Identifier: MIT
# Completion of toolooctl(1) for fish. Verbs and options are asked of --help, so that there is no second list of them.

# "VERB<tab>what it does" for each line of the overview's groups.
function __toolooctl_verbs
    toolooctl --help 2>/dev/null | string replace -rf '^(?=  ([a-z]+)\b)(?:.{24} (.*)|.*)$' '$1\t$2'
end

function __toolooctl_verb
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if string match -qr '^[a-z]+$' -- $word
            echo $word
            return
        end
    end
    return 1
end

# The options of the verb on the line, else those that all have; "--NAME=" where one takes a value.
function __toolooctl_options
    toolooctl (__toolooctl_verb) --help 2>/dev/null |
        string replace -rf '^ +(?:-[a-z], +)?(--[a-z-]+=?)[^ ]* *(.*)$' '$1\t$2'
end

function __toolooctl_ids
    # An id has no character that JSON would escape.
    toolooctl list --json 2>/dev/null | string match -ar '"id":"[a-z0-9-]*"' | string replace -r '"id":"(.*)"' '$1'
end

# Words of the line without options: the verb, its command, names.
function __toolooctl_words
    set -l words (commandline -opc)
    set -e words[1]
    string match -v -- '-*' $words
end

# The names in what "provider" or "key" lists. Of a provider, its models are strings and so no such field.
function __toolooctl_names
    toolooctl $argv list --json 2>/dev/null | string match -ar '"name":"[a-z0-9-]*"' | string replace -r '"name":"(.*)"' '$1'
end

function __toolooctl_models
    toolooctl provider list --json 2>/dev/null | string match -r '"name":"'$argv'".*?"models":\[(.*?)\]' | tail -n +2 |
        string split , | string trim -c '"'
end

# What may stand behind "provider" and "key": a command, then the name that it takes.
function __toolooctl_named
    set -l words (__toolooctl_words)
    switch (count $words)
        case 1
            __toolooctl_commands $words[1]
        case 2
            contains -- $words[2] show edit remove test revoke; and __toolooctl_names $words[1]
        case 3
            test $words[2] = test; and __toolooctl_models $words[3]
    end
end

function __toolooctl_commands
    toolooctl $argv --help 2>/dev/null | string replace -rf '^  ([a-z]+)(?: .*)?$' '$1'
end

# What may stand behind the verb: ids, but for the verbs whose operands are other things.
function __toolooctl_operands
    switch (__toolooctl_verb)
        case alerts ledger
            __toolooctl_commands (__toolooctl_verb)
        case key provider
            __toolooctl_named
        case add budget top
            return
        case doctor
            toolooctl doctor --help 2>/dev/null | string replace -rf '^  ([a-z][a-z-]+)(?: .*)?$' '$1'
        case history
            __toolooctl_ids
            toolooctl history --help 2>/dev/null | string match -ar '\b(?:[a-z]+[A-Z][A-Za-z]+|health|restarts|memory|cpu|requests|errors|generation)\b'
        case logs
            __toolooctl_ids
            echo watchd
        case '*'
            __toolooctl_ids
    end
end

complete -c toolooctl -f -n 'not __toolooctl_verb' -a '(__toolooctl_verbs)'
complete -c toolooctl -f -n '__toolooctl_verb; and not contains (__toolooctl_verb) dev import' -a '(__toolooctl_operands)'
complete -c toolooctl -F -n 'contains (__toolooctl_verb) dev import'
complete -c toolooctl -f -n 'string match -q -- "-*" (commandline -ct)' -a '(__toolooctl_options)'
