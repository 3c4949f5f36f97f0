"""iptables as far as the gate uses it: saves and restores of rule sets in memory, in several backends."""

from collections.abc import Callable, Sequence

from boxship.errors import HostError
from boxship.host.proc import Finished

Tables = dict[str, dict[str, list[str]]]
_BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}


class FakeNetfilter:
    """Called as a ``host.iptables.Run``.

    ``without``: programs that aren't installed. ``broken``: program -> what it says instead of working.
    ``before_write`` is called before each restore: what another program does in between.
    """

    def __init__(
        self,
        *,
        without: Sequence[str] = (),
        broken: dict[str, str] | None = None,
        before_write: Callable[["FakeNetfilter"], None] | None = None,
    ) -> None:
        self.tables: dict[str, Tables] = {}
        self.writes = 0
        self._without = without
        self._broken = broken or {}
        self._before_write = before_write

    async def __call__(self, argv: Sequence[str], stdin: bytes) -> Finished:
        program, verb = argv[0].rsplit("-", 1)
        if program in self._without:
            raise HostError(f"{argv[0]} can't start: {argv[0]} is not installed")
        if argv[0] in self._broken:
            return Finished(tuple(argv), 4, "", self._broken[argv[0]])
        if verb == "save":
            return Finished(tuple(argv), 0, self.save(program), "")
        if self._before_write is not None:
            self._before_write(self)
        self.writes += 1
        try:
            self.restore(program, stdin.decode())
        except (KeyError, ValueError) as error:
            return Finished(tuple(argv), 1, "", f"{argv[0]}: line failed: {error}")
        return Finished(tuple(argv), 0, "", "")

    def of(self, program: str) -> Tables:
        fresh: Tables = {name: {chain: [] for chain in chains} for name, chains in _BUILT_IN.items()}
        return self.tables.setdefault(program, fresh)

    def save(self, program: str) -> str:
        lines = []
        for name, chains in self.of(program).items():
            lines += [f"*{name}", *(f":{chain} - [0:0]" for chain in chains)]
            lines += [f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join([*lines, ""])

    def restore(self, program: str, batch: str) -> None:
        """Each table as a whole or not at all; nothing else is flushed. Raises: KeyError, ValueError."""
        table = ""
        draft: dict[str, list[str]] = {}
        for line in batch.splitlines():
            if line.startswith("*"):
                table = line[1:]
                draft = {chain: list(rules) for chain, rules in self.of(program)[table].items()}
            elif line == "COMMIT":
                self.of(program)[table] = draft
            else:
                _apply(draft, line)


def _apply(chains: dict[str, list[str]], line: str) -> None:
    if line.startswith(":"):
        chains[line[1:].split(maxsplit=1)[0]] = []
        return
    verb, chain, rest = [*line.split(" ", 2), ""][:3]
    rules = chains[chain]
    match verb:
        case "-A":
            rules.append(rest)
        case "-I":
            place, _, rule = rest.partition(" ")
            rules.insert(int(place) - 1, rule)
        case "-D":
            rules.remove(rest)
        case "-F":
            rules.clear()
        case "-X":
            if rules or any(f"-j {chain}" in rule for others in chains.values() for rule in others):
                raise ValueError(f"{chain} is in use")
            del chains[chain]
        case _:
            raise ValueError(line)
