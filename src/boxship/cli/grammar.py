"""The command line's grammar as values: what completion and the manual are made from."""

import argparse
from enum import StrEnum
from importlib import import_module

from msgspec import Struct

from boxship.cli.arguments import VERBS, build_parser


class Kind(StrEnum):
    """What a value is, as far as a shell can complete it."""

    SERVICE = "services"
    TARGET = "targets"
    PROFILE = "profiles"
    FILE = "files"
    FOLDER = "folders"
    CHOICE = "choice"
    OTHER = "other"


class Option(Struct, frozen=True):
    """``metavar`` "": it takes no value."""

    flags: tuple[str, ...]
    text: str
    metavar: str = ""
    kind: Kind = Kind.OTHER
    choices: tuple[str, ...] = ()
    is_repeatable: bool = False


class Word(Struct, frozen=True):
    """A positional argument."""

    metavar: str
    text: str
    kind: Kind
    choices: tuple[str, ...] = ()
    is_many: bool = False
    is_optional: bool = False


class Verb(Struct, frozen=True):
    """One verb with its own arguments; the global options may stand behind it, too."""

    name: str
    text: str
    example: str
    options: tuple[Option, ...]
    words: tuple[Word, ...]


class Grammar(Struct, frozen=True):
    """All of it. ``epilog``: the exit statuses."""

    description: str
    epilog: str
    options: tuple[Option, ...]
    verbs: tuple[Verb, ...]


def grammar() -> Grammar:
    """Read from the parsers themselves; imports every verb's module."""
    parser = build_parser()
    options = tuple(_option(each) for each in _actions(parser) if each.option_strings)
    verbs = tuple(_verb(name, text, adder, example) for name, text, adder, example in VERBS)
    return Grammar(parser.description or "", parser.epilog or "", options, verbs)


def _verb(name: str, text: str, adder: str, example: str) -> Verb:
    module, _, function = adder.partition(":")
    parser = argparse.ArgumentParser(prog=f"boxship {name}", add_help=False)
    getattr(import_module(f"boxship.cli.{module}"), function)(parser)
    below = subverbs(parser)
    actions = [
        each
        for part in (parser, *(inner for _, inner in below.values()))
        for each in _actions(part)
        if each.help != argparse.SUPPRESS and not isinstance(each, argparse._HelpAction)  # noqa: SLF001 (as below)
    ]
    if below:
        # Its verbs as one word; what stands behind is theirs.
        words = (Word("VERB", "what to ask or to tell", Kind.CHOICE, tuple(below)),)
        options = {each.option_strings[-1]: _option(each) for each in actions if each.option_strings}
        return Verb(name, text, example, tuple(options.values()), words)
    return Verb(
        name,
        text,
        example,
        tuple(_option(each) for each in actions if each.option_strings),
        tuple(_word(each) for each in actions if not each.option_strings),
    )


def subverbs(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Name -> (what it does, its parser) of verbs below a verb."""
    for action in parser._actions:  # noqa: SLF001 (argparse has no other way to list what a parser knows)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 (the same)
            texts = {each.dest: each.help or "" for each in action._get_subactions()}  # noqa: SLF001 (the same)
            return {name: (texts.get(name, ""), inner) for name, inner in action.choices.items()}
    return {}


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    known = list(parser._actions)  # noqa: SLF001 (argparse has no other way to list what a parser knows)
    return [each for each in known if not isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001 (the same)


def _option(action: argparse.Action) -> Option:
    text = (action.help or "").replace("%%", "%")
    if action.nargs == 0:
        return Option(tuple(action.option_strings), text)
    choices = tuple(map(str, action.choices or ()))
    metavar = _metavar(action) or "{" + ",".join(choices) + "}" * bool(choices)
    metavar = metavar if metavar != "{" else action.dest.upper()
    kind = Kind.CHOICE if choices else _kind(metavar, action.option_strings[-1])
    is_repeatable = "repeatable" in text
    return Option(tuple(action.option_strings), text, metavar, kind, choices, is_repeatable)


def _word(action: argparse.Action) -> Word:
    choices = tuple(map(str, action.choices or ()))
    metavar = _metavar(action) or "|".join(choices) or action.dest.upper()
    kind = Kind.CHOICE if choices else _kind(metavar, "")
    is_many = action.nargs in ("*", "+", argparse.REMAINDER)
    is_optional = action.nargs in ("*", "?")
    return Word(metavar, action.help or "", kind, choices, is_many=is_many, is_optional=is_optional)


def _metavar(action: argparse.Action) -> str:
    """Of several, all but the first may be left out."""
    if isinstance(action.metavar, tuple):
        first, *rest = action.metavar
        return " ".join((first, *(f"[{each}]" for each in rest)))
    return action.metavar or ""


_BY_FLAG = {"--target": Kind.TARGET, "--profile": Kind.PROFILE, "--only": Kind.SERVICE, "--exclude": Kind.SERVICE}
_BY_METAVAR = {"SERVICE": Kind.SERVICE, "FILE": Kind.FILE, "PATH": Kind.FILE, "DIR": Kind.FOLDER, "FOLDER": Kind.FOLDER}


def _kind(metavar: str, flag: str) -> Kind:
    return _BY_FLAG.get(flag) or _BY_METAVAR.get(metavar.partition("=")[0].partition("[")[0], Kind.OTHER)
