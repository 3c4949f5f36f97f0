"""Plausible files out of a random source: every key of every format, mostly with values that make sense."""

import json
from collections.abc import Sequence
from random import Random
from typing import TypeVar

import yaml

from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.compose_keys import COMPOSE
from boxship.spec.shape import Shape
from tests.fuzz.case import Case
from tests.fuzz.words import HOSTILE, NAMES, PLAUSIBLE

T = TypeVar("T")
_DEEPEST = 7
_DOTENV_LINES = (
    "A=1", "B=$A$A", "export C=${B:-x}", 'D="a\\n${A}"', "E='$A'", "F", "G: x", "# c", "H=a #b", 'I="', "J='a\nb'",
    "K=${",
    "=x", "L = 1", "M=\\", 'N="\\"', "A=${A}${A}", "\ufeffO=1", "P=${Q:?no}", "COMPOSE_PROFILES=p",
    "COMPOSE_PROJECT_NAME=X",
    "COMPOSE_FILE=base.yaml:compose.yaml",
)  # fmt: skip
_KINDS: tuple[tuple[object, ...], ...] = (("x",), (1, 80), (0.5, 3), (True, False, "yes"), (None,))
_KIND_NAMES = ("text", "integer", "number", "flag", "null")


class Author:
    """Writes files; everything follows from the random source."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def case(self) -> Case:
        """A folder: a Compose file, and sometimes others beside it."""
        files = {"compose.yaml": self.yaml(self.compose())}
        for name, chance in (("compose.override.yaml", 0.2), ("base.yaml", 0.3), ("more.yaml", 0.1)):
            if self._chance(chance):
                files[name] = self.yaml(self.compose())
        if self._chance(0.3):
            files["appliance.yaml"] = self.yaml(self.value(APPLIANCE, "", 0))
        for name, chance in ((".env", 0.4), ("app.env", 0.4), ("app.labels", 0.1)):
            if self._chance(chance):
                files[name] = self.dotenv()
        return Case(files, self._chance(0.4))

    def compose(self) -> object:
        """One Compose document whose services are there more often than chance would have it."""
        document = self.value(COMPOSE, "", 0)
        if isinstance(document, dict) and self._chance(0.9):
            shape = (COMPOSE.keys or {})["services"]
            document["services"] = {name: self._service(shape) for name in self._some(NAMES, 4)}
        return document

    def _service(self, services: Shape) -> object:
        service = self.value(services.values or services, "", 1)
        if isinstance(service, dict) and self._chance(0.8):
            service.setdefault("image", self._random.choice(PLAUSIBLE["image"]))
        return service

    def value(self, shape: Shape, key: str, depth: int) -> object:
        """A value for ``key``: of its shape, of its plausible ones, or one that nobody expects."""
        dice = self._random.random()
        if dice < 0.04:
            return self._random.choice(HOSTILE)
        if key in PLAUSIBLE and dice < 0.6:
            return self._random.choice(PLAUSIBLE[key])
        forms = ("items", "values", "keys") if depth < _DEEPEST else ()
        possible = [form for form in forms if getattr(shape, form) is not None] + ["kinds"] * bool(shape.kinds)
        return self._formed(shape, self._random.choice(possible), key, depth) if possible else self._anything(depth)

    def _formed(self, shape: Shape, form: str, key: str, depth: int) -> object:
        if form == "items" and shape.items is not None:
            return [self.value(shape.items, key, depth + 1) for _ in range(self._random.randint(0, 3))]
        if form == "values" and shape.values is not None:
            return {name: self.value(shape.values, key, depth + 1) for name in self._some(NAMES, 3)}
        if form == "keys" and shape.keys is not None:
            keys = [*self._some(tuple(shape.keys), 6), *shape.required]
            made = {name: self.value(shape.keys[name], name, depth + 1) for name in keys}
            if shape.later and self._chance(0.2):
                name = self._random.choice(sorted(shape.later))
                made[name] = self._random.choice(PLAUSIBLE.get(name, HOSTILE))
            return made
        return self._scalar(shape)

    def _scalar(self, shape: Shape) -> object:
        if shape.choices:
            return self._random.choice(shape.choices)
        kind = self._random.choice(shape.kinds)
        return self._random.choice(_KINDS[_KIND_NAMES.index(kind)])

    def _anything(self, depth: int) -> object:
        if depth < _DEEPEST and self._chance(0.3):
            return {name: self._anything(depth + 1) for name in self._some(NAMES, 2)}
        return self._random.choice(HOSTILE)

    def dotenv(self) -> bytes:
        lines = [self._random.choice(_DOTENV_LINES) for _ in range(self._random.randint(0, 6))]
        return "\n".join(lines).encode()

    def yaml(self, value: object) -> bytes:
        """The value as a person or as a program would write it."""
        if self._chance(0.4):
            return json.dumps(value, ensure_ascii=self._chance(0.5)).encode()
        # Equal parts become anchors and aliases.
        return yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, encoding="utf-8")

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _some(self, of: Sequence[T], at_most: int) -> list[T]:
        return self._random.sample(of, min(len(of), self._random.randint(0, at_most)))
