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

# What may stand behind the verb: ids, but for the verbs whose operands are other things.
function __toolooctl_operands
    switch (__toolooctl_verb)
        case alerts
            toolooctl alerts --help 2>/dev/null | string replace -rf '^  ([a-z]+) .*$' '$1'
        case add top
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
