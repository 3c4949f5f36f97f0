"""The verb completion: what a shell needs to complete the rest, and the names it asks for meanwhile."""

import argparse

from boxship.cli.context import Invocation
from boxship.errors import UsageError

_SHELLS = ("bash", "zsh", "fish")
_LISTS = ("services", "targets", "profiles")


def add_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", nargs="?", choices=_SHELLS, metavar="|".join(_SHELLS), help="print its script")
    parser.add_argument("--list", choices=_LISTS, help="print such names of the files; what the scripts ask for")
    parser.set_defaults(run=completion)


def completion(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if arguments.list:
        names = _names(invocation, arguments.list)
        print("\n".join(names), end="\n" * bool(names))
        return 0
    if arguments.shell is None:
        hint = "in ~/.bashrc: source <(boxship completion bash)"
        raise UsageError(f"completion needs a shell: {', '.join(_SHELLS)}", hint=hint)
    # The whole grammar is read for this, and no verb else needs it.
    from boxship.cli.grammar import grammar  # noqa: PLC0415 (see above)
    from boxship.cli.render.shells import SHELLS  # noqa: PLC0415 (see above)

    print(SHELLS[arguments.shell](grammar()), end="")
    return 0


def _names(invocation: Invocation, what: str) -> list[str]:
    appliance = invocation.load().appliance
    match what:
        case "services":
            return list(appliance.services)
        case "targets":
            return list(appliance.targets)
        case _:
            return sorted({profile for service in appliance.services.values() for profile in service.profiles})
