"""Scripts that complete boxship's command line in bash, zsh and fish.

Words and options are written into the script; only names from the files are asked for, by ``completion --list``.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping

from boxship.cli.grammar import Grammar, Kind, Option, Verb, Word

_ASKED = frozenset({Kind.SERVICE, Kind.TARGET, Kind.PROFILE})
_MADE = "# Made by: boxship completion {}\n"

_BASH = """\
# Words of a kind for COMPREPLY: services, targets, profiles, files, folders, other, or =a,b,c.
_boxship_reply() {
    local IFS=$'\\n'
    case $1 in
        services|targets|profiles)
            COMPREPLY=($(compgen -W "$(boxship "${given[@]}" completion --list "$1" 2>/dev/null)" -- "$cur")) ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
        folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
        =*) COMPREPLY=($(compgen -W "$(tr , '\\n' <<<"${1#=}")" -- "$cur")) ;;
        other) COMPREPLY=() ;;
    esac
}

_boxship() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local verb='' options='' kinds=() given=() index=0 word kind
    # bash takes "--format=json" apart at the equals sign.
    if [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
    local at=1
    while (( at < COMP_CWORD )); do
        word=${COMP_WORDS[at]}
        if [[ $word == = ]]; then
            :
        elif [[ $word == -* ]]; then
            if [[ $(_boxship_value "$verb" "$word") ]] && (( at + 1 < COMP_CWORD )); then
                (( at += 1 ))
                if [[ ${COMP_WORDS[at]} == = ]]; then (( at += 1 )); fi
                if [[ ! $verb ]] && (( at < COMP_CWORD )); then given+=("$word" "${COMP_WORDS[at]}"); fi
            fi
        elif [[ ! $verb ]]; then
            verb=$word
        else
            (( index += 1 ))
        fi
        (( at += 1 ))
    done
    if [[ $prev == -* ]]; then
        kind=$(_boxship_value "$verb" "$prev")
        if [[ $kind ]]; then _boxship_reply "$kind"; return; fi
    fi
    _boxship_verb "$verb"
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ ! $verb ]]; then
        COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
    else
        (( index < ${#kinds[@]} )) || index=$(( ${#kinds[@]} - 1 ))
        (( index < 0 )) || _boxship_reply "${kinds[index]}"
    fi
}

complete -F _boxship boxship
"""


def bash_completion(grammar: Grammar) -> str:
    """For bash 4 and newer, with or without the package bash-completion."""
    values = ["_boxship_value() {", '    case "$1:$2" in']
    for verb in grammar.verbs:
        values += [
            f"        {_patterns([verb.name], each)}) echo {_bash_kind(each)} ;;" for each in _valued(verb.options)
        ]
        # What takes no value after this verb, though an option of the same name does before it.
        own = [flag for each in verb.options if not each.metavar for flag in each.flags]
        shadowed = {flag for each in _valued(grammar.options) for flag in each.flags}
        values += [f"        {verb.name}:{flag}) ;;" for flag in own if flag in shadowed]
    values += [f"        {_patterns(['*'], each)}) echo {_bash_kind(each)} ;;" for each in _valued(grammar.options)]
    values += ["    esac", "}"]
    verbs = ["_boxship_verb() {", f"    verbs={_q(' '.join(verb.name for verb in grammar.verbs))}", "    case $1 in"]
    verbs.append(f"        '') options={_q(_flags(grammar.options))} ;;")
    for verb in grammar.verbs:
        kinds = " ".join(_bash_kind(word) for word in _closed(verb.words))
        options = _flags((*verb.options, *_long(grammar.options)))
        verbs.append(f"        {verb.name}) options={_q(options)}; kinds=({kinds}) ;;")
    verbs += ["    esac", "}"]
    body = _BASH.replace("local verb='' options=''", "local verb='' verbs='' options=''")
    return _MADE.format("bash") + "\n".join([*values, "", *verbs, "", body])


def _valued(options: Iterable[Option]) -> list[Option]:
    return [each for each in options if each.metavar]


def _patterns(verbs: Iterable[str], option: Option) -> str:
    return "|".join(f"{verb}:{flag}" for verb in verbs for flag in option.flags)


def _bash_kind(thing: Option | Word) -> str:
    return _q("=" + ",".join(thing.choices)) if thing.kind is Kind.CHOICE else str(thing.kind)


def _closed(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """With an end: after the last one nothing is completed unless it may be repeated."""
    if words and not words[-1].is_many:
        return (*words, Word("", "", Kind.OTHER))
    return words


def _flags(options: Iterable[Option]) -> str:
    return " ".join(dict.fromkeys(flag for each in options for flag in each.flags))


def _long(options: Iterable[Option]) -> list[Option]:
    """The global options as they may stand after the verb: what has one dash is the verb's own there."""
    found = []
    for each in options:
        flags = tuple(flag for flag in each.flags if flag.startswith("--") and flag != "--version")
        if flags:
            found.append(Option(flags, each.text, each.metavar, each.kind, each.choices, each.is_repeatable))
    return found


def _q(text: str) -> str:
    return shlex.quote(text)


_ZSH = """\
_boxship_names() {
    local -a names
    names=(${(f)"$(_call_program names boxship $_boxship_given completion --list $1 2>/dev/null)"})
    compadd -a names
}

_boxship() {
    local curcontext=$curcontext state line
    local -a _boxship_given
    typeset -A opt_args
    _arguments -C \\
@GLOBALS@
        '1: :_boxship_verbs' \\
        '*:: :->rest' && return
    [[ $state == rest ]] || return
    local option
    for option in ${(k)opt_args}; do
        case $option in -f|--file|-p|--project-name|--project-directory|--env-file)
            _boxship_given+=($option ${(Q)opt_args[$option]}) ;;
        esac
    done
    (( $+functions[_boxship_verb_$line[1]] )) && _boxship_verb_$line[1]
}

# Loaded by name from $fpath it is called; sourced it is made known.
if [[ $funcstack[1] == _boxship ]]; then _boxship "$@"; else compdef _boxship boxship; fi
"""


def zsh_completion(grammar: Grammar) -> str:
    """For zsh 5 with its own completion system (compinit)."""
    parts = ["#compdef boxship", _MADE.format("zsh").rstrip(), "", "_boxship_verbs() {", "    local -a verbs=("]
    parts += [f"        {_q(f'{verb.name}:{verb.text}')}" for verb in grammar.verbs]
    parts += ["    )", "    _describe verb verbs", "}", ""]
    for verb in grammar.verbs:
        options = (*verb.options, *_free(_long(grammar.options), verb))
        specs = [spec for each in options for spec in _zsh_option(each)]
        specs += [_zsh_word(number, word) for number, word in enumerate(verb.words, 1)]
        lines = [f"        {_q(spec)} \\" for spec in specs]
        parts += [f"_boxship_verb_{verb.name}() {{", "    _arguments -s \\", *lines, "        && return", "}", ""]
    shared = [f"        {_q(spec)} \\" for each in grammar.options for spec in _zsh_option(each)]
    parts.append(_ZSH.replace("@GLOBALS@", "\n".join(shared)))
    return "\n".join(parts)


def _free(options: Iterable[Option], verb: Verb) -> list[Option]:
    own = {flag for each in verb.options for flag in each.flags}
    return [each for each in options if own.isdisjoint(each.flags)]


def _zsh_option(option: Option) -> list[str]:
    text = option.text.replace("[", "(").replace("]", ")").replace(":", "\\:")
    value = f":{option.metavar.strip('{}').replace(':', ' ')}:{_zsh_action(option)}" if option.metavar else ""
    # One spelling excludes the others; what may be repeated excludes nothing.
    excluded = f"({' '.join(option.flags)})"
    return [f"{'*' if option.is_repeatable else excluded}{flag}[{text}]{value}" for flag in option.flags]


def _zsh_word(number: int, word: Word) -> str:
    place = "*" if word.is_many else f"{number}:" if word.is_optional else str(number)
    return f"{place}:{word.metavar.replace(':', ' ')}:{_zsh_action(word)}"


def _zsh_action(thing: Option | Word) -> str:
    if thing.kind in _ASKED:
        return f"{{_boxship_names {thing.kind}}}"
    by_kind: Mapping[Kind, str] = {Kind.FILE: "_files", Kind.FOLDER: "_files -/"}
    return f"({' '.join(thing.choices)})" if thing.kind is Kind.CHOICE else by_kind.get(thing.kind, " ")


_FISH = """\
function __boxship_names
    set -l words (commandline -opc)
    set -l given
    for at in (seq 2 (count $words))
        switch $words[$at]
            case -f --file -p --project-name --project-directory --env-file
                set -a given $words[$at] $words[(math $at + 1)]
            case '--file=*' '--project-name=*' '--project-directory=*' '--env-file=*'
                set -a given $words[$at]
        end
    end
    boxship $given completion --list $argv[1] 2>/dev/null
end

complete -c boxship -f
"""


def fish_completion(grammar: Grammar) -> str:
    """For fish 3."""
    names = " ".join(verb.name for verb in grammar.verbs)
    before = f"not __fish_seen_subcommand_from {names}"
    lines = [_MADE.format("fish"), _FISH]
    lines += [f"complete -c boxship -n {_q(before)} {_fish_option(each)}" for each in grammar.options]
    for verb in grammar.verbs:
        lines.append(f"complete -c boxship -n {_q(before)} -a {verb.name} -d {_fish_text(verb.text)}")
        seen = _q(f"__fish_seen_subcommand_from {verb.name}")
        options = (*verb.options, *_free(_long(grammar.options), verb))
        lines += [f"complete -c boxship -n {seen} {_fish_option(each)}" for each in options]
        lines += [f"complete -c boxship -n {seen} {action}" for word in verb.words if (action := _fish_action(word))]
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    flags = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags]
    # -x: a value, and no file unless it is one.
    value = f" {'-r' if option.kind is Kind.FILE else '-x'} {_fish_action(option)}".rstrip() if option.metavar else ""
    return f"{' '.join(flags)}{value} -d {_fish_text(option.text)}"


def _fish_action(thing: Option | Word) -> str:
    if thing.kind in _ASKED:
        return f"-a '(__boxship_names {thing.kind})'"
    if thing.kind is Kind.CHOICE:
        return f"-a {_q(' '.join(thing.choices))}"
    by_kind: Mapping[Kind, str] = {Kind.FILE: "-F", Kind.FOLDER: "-a '(__fish_complete_directories)'"}
    return by_kind.get(thing.kind, "")


def _fish_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


SHELLS: Mapping[str, Callable[[Grammar], str]] = {
    "bash": bash_completion,
    "zsh": zsh_completion,
    "fish": fish_completion,
}
