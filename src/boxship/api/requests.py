"""A request's parts, bounded and checked against its route, before anything is done."""

from collections.abc import Mapping

from msgspec import DecodeError, Struct, ValidationError, json
from starlette.requests import Request

from boxship.api.route import FALSE, LONGEST_TEXT, TRUE, Query, QueryKind, Route
from boxship.errors import MediaTypeError, UsageError
from boxship.serve.bodies import read_whole

MOST_BODY_BYTES = 64 * 1024


async def read_body(request: Request, kind: type[Struct]) -> Struct:
    """No body stands for an empty object. Raises: UsageError, or one below it."""
    raw = await read_whole(request, MOST_BODY_BYTES)
    if not raw:
        raw = b"{}"
    elif request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MediaTypeError("the body must be JSON", hint="Content-Type: application/json")
    try:
        return json.decode(raw, type=kind)
    except ValidationError as err:
        raise UsageError(
            f"the body is wrong: {err}", hint=f"it knows: {', '.join(kind.__struct_fields__) or 'no key'}"
        ) from err
    except (DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise UsageError(f"the body is no JSON: {err}") from err


def read_query(request: Request, route: Route) -> Mapping[str, bool | int | str]:
    """Only what the route knows: a typing mistake must not do something else than was meant. Raises: UsageError."""
    known = {query.name: query for query in route.queries}
    read: dict[str, bool | int | str] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            hint = f"it knows: {', '.join(known) or 'none'}"
            raise UsageError(f"unknown query parameter '{name[:64]}'", hint=hint)
        if name in read:
            raise UsageError(f"query parameter '{name}' stands there twice", hint="give it once")
        read[name] = _value(known[name], text)
    return read


def _value(query: Query, text: str) -> bool | int | str:
    match query.kind:
        case QueryKind.TEXT:
            if len(text) > LONGEST_TEXT:
                raise UsageError(f"{query.name} is longer than {LONGEST_TEXT} characters")
            return text
        case QueryKind.FLAG:
            if text not in (*TRUE, *FALSE):
                raise UsageError(f"{query.name}: '{text[:64]}' is neither true nor false", hint="1 or 0")
            return text in TRUE
        case QueryKind.COUNT:
            if not (text.isascii() and text.isdecimal() and len(text) < 17 and int(text) <= query.most):
                raise UsageError(f"{query.name}: '{text[:64]}' is not a number from 0 to {query.most}")
            return int(text)
