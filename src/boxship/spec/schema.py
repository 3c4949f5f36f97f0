"""The JSON Schema of ``appliance.yaml``, for editors: made from its keys and the comments of the example.

It refuses nothing that ``check`` accepts and nothing that variables could still make right; ``check`` refuses more, as
it knows the services that names must be names of.
"""

from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.rules import ANY_NAME, key_texts
from boxship.spec.shape import Kind, Shape

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = r"\$"
_PATTERNS: dict[Kind, str] = {
    "integer": r"^[-+]?[0-9]+$",
    "number": r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$",
    "flag": r"^([tT][rR][uU][eE]|[yY][eE][sS]|[oO][nN]|[yY]|[fF][aA][lL][sS][eE]|[nN][oO]|[oO][fF][fF]|[nN])$",
}
_TYPES: dict[Kind, str] = {"text": "string", "integer": "integer", "number": "number", "flag": "boolean"}


def appliance_schema() -> dict[str, Json]:
    """The schema as JSON values, in the order of the keys."""
    head: dict[str, Json] = {
        "$schema": DIALECT,
        "title": "appliance.yaml",
        "description": "What Compose can't say about an appliance.",
    }
    return {**head, **_schema(APPLIANCE, "")}


def _schema(shape: Shape, path: str) -> dict[str, Json]:
    forms = _forms(shape, path)
    description: dict[str, Json] = {"description": key_texts()[path]} if path in key_texts() else {}
    if shape.anything:
        return description
    if len(forms) == 1:
        return {**description, **forms[0]}
    return {**description, "anyOf": list(forms)}


def _forms(shape: Shape, path: str) -> list[dict[str, Json]]:
    if shape.choices:
        return [{"enum": list(shape.choices)}, {"type": "string", "pattern": _VARIABLE}]
    forms: list[dict[str, Json]] = []
    for kind in shape.kinds:
        forms += _scalar(kind)
    if shape.items is not None:
        forms.append({"type": "array", "items": _schema(shape.items, path and f"{path}[]")})
    if shape.keys is not None:
        forms.append(_fixed(shape, path))
    elif shape.values is not None:
        inner = _schema(shape.values, f"{path}.{ANY_NAME}")
        forms.append({"type": "object", "additionalProperties": inner})
    return [form for index, form in enumerate(forms) if form not in forms[:index]]


def _scalar(kind: Kind) -> list[dict[str, Json]]:
    """A plain value; a text is taken where it says the same, or where a variable may."""
    if kind == "null":
        return [{"type": "null"}]
    plain: dict[str, Json] = {"type": _TYPES[kind]}
    if kind == "text":
        return [plain]
    return [plain, {"type": "string", "pattern": f"{_PATTERNS[kind]}|{_VARIABLE}"}]


def _fixed(shape: Shape, path: str) -> dict[str, Json]:
    keys = shape.keys or {}
    made: dict[str, Json] = {
        "type": "object",
        "properties": {key: _schema(inner, f"{path}.{key}" if path else key) for key, inner in keys.items()},
        "additionalProperties": False,
    }
    if shape.allows_extensions:
        made["patternProperties"] = {"^x-": {}}
    if shape.required:
        made["required"] = list(shape.required)
    return made
