"""Write the manual pages and completions that the wheel carries: ``python -m scripts.packaged``.

A test fails on stale ones.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from boxship.cli.grammar import Grammar, Option, Verb, Word, grammar
from boxship.cli.render.shells import SHELLS
from scripts.tracked import ROOT

MAN = ROOT / "man"
COMPLETIONS = ROOT / "completions"
_NOTE = '.\\" Written by scripts/packaged.py (make docs); change what it is made from.'


def files() -> dict[Path, str]:
    """Return path -> content."""
    known = grammar()
    made = {COMPLETIONS / f"boxship.{shell}": write(known) for shell, write in SHELLS.items()}
    made[MAN / "boxship.1"] = _main_page(known)
    return {**made, **{MAN / f"boxship-{verb.name}.1": _verb_page(verb) for verb in known.verbs}}


def stale(current: Mapping[Path, str]) -> list[Path]:
    """Return what is not there, not as it should be, or shouldn't be there."""
    wrong = [path for path, text in current.items() if not path.is_file() or path.read_text() != text]
    there = [path for folder in (MAN, COMPLETIONS) if folder.is_dir() for path in folder.iterdir()]
    return sorted({*wrong, *(path for path in there if path not in current)})


def _main_page(known: Grammar) -> str:
    lines = _head("boxship", known.description.rstrip(".")[:1].lower() + known.description.rstrip(".")[1:])
    lines += [".SH SYNOPSIS", ".B boxship", "[\\fIoptions\\fR] \\fIverb\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]"]
    lines += [".SH DESCRIPTION", _text(known.description)]
    lines.append(
        "A verb or option that docker compose has means the same here. Options that begin with two dashes may also "
        "stand after the verb. Each verb has a page of its own: \\fBboxship\\-\\fIverb\\fR(1)."
    )
    lines += [".SH OPTIONS", *_options(known.options), ".SH VERBS"]
    for verb in known.verbs:
        lines += [".TP", f"\\fBboxship\\-{_text(verb.name)}\\fR(1)", _text(verb.text)]
    lines += [".SH ENVIRONMENT"]
    for name, text in (
        ("DOCKER_HOST", "where the container engine listens"),
        ("NO_COLOR", "when set, nothing is coloured"),
        ("COMPOSE_FILE, COMPOSE_PROFILES, COMPOSE_PROJECT_NAME", "as for docker compose"),
        ("BOXSHIP_ENGINE_TIMEOUT", "seconds that the engine may take for a quick call (default: 30)"),
        ("BOXSHIP_ENGINE_IDLE_TIMEOUT", "seconds that a pull, push, build or copy may be silent (default: 600)"),
    ):
        lines += [".TP", f".B {_text(name)}", _text(text)]
    lines += [".SH EXIT STATUS", _text(known.epilog.removeprefix("Exit status: "))]
    lines += [".SH SEE ALSO", ", ".join(f"\\fBboxship\\-{_text(verb.name)}\\fR(1)" for verb in known.verbs)]
    return "\n".join(lines) + "\n"


def _verb_page(verb: Verb) -> str:
    lines = _head(f"boxship-{verb.name}", verb.text)
    words = " ".join(_synopsis(word) for word in verb.words)
    options = " [\\fIoptions\\fR]" if verb.options else ""
    lines += [".SH SYNOPSIS", f".B boxship {_text(verb.name)}", f"{options.strip()} {words}".strip() or "\\&"]
    lines += [".SH DESCRIPTION", f"{_text(verb.text[0].upper() + verb.text[1:])}."]
    described = [word for word in verb.words if word.text]
    if verb.options or described:
        lines.append(".SH OPTIONS")
    for word in described:
        lines += [".TP", f"\\fI{_text(word.metavar)}\\fR", _text(word.text)]
    lines += _options(verb.options)
    lines += [".PP", "The global options are those of \\fBboxship\\fR(1)."]
    lines += [".SH EXAMPLE", ".EX", _text(verb.example), ".EE", ".SH SEE ALSO", "\\fBboxship\\fR(1)"]
    return "\n".join(lines) + "\n"


def _head(name: str, text: str) -> list[str]:
    return [_NOTE, f'.TH {name.upper()} 1 "" "Boxship" "Boxship"', ".SH NAME", f"{_text(name)} \\- {_text(text)}"]


def _options(options: Iterable[Option]) -> list[str]:
    lines = []
    for option in options:
        flags = ", ".join(f"\\fB{_text(flag)}\\fR" for flag in option.flags)
        value = f" \\fI{_text(option.metavar)}\\fR" if option.metavar else ""
        lines += [".TP", f"{flags}{value}", _text(option.text) or "\\&"]
    return lines


def _synopsis(word: Word) -> str:
    shown = f"\\fI{_text(word.metavar)}\\fR{' ...' * word.is_many}"
    return f"[{shown}]" if word.is_optional else shown


def _text(text: str) -> str:
    """With what troff would obey made harmless."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def main() -> int:
    """Write what isn't current. Returns: the exit status."""
    current = files()
    for path in stale(current):
        if path not in current:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(current[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
