"""The API's description (OpenAPI 3.1) and its page, from the table of routes: they can't say anything else."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.json import schema_components

from boxship.api.route import FALSE, LONGEST_TEXT, TRUE, Answer, Query, QueryKind, Route
from boxship.serve.answers import PROBLEM
from boxship.serve.streams import EVENT_STREAM

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_REFERENCE = "#/components/schemas/{name}"
Json = dict[str, object]
_EVENT: Json = {
    "type": "object",
    "description": "One event of the stream; `data` is JSON.",
    "properties": {each: {"type": "string"} for each in ("id", "event", "data")},
}


class Problem(Struct, frozen=True):
    """RFC 9457. ``type`` is a code of docs/reference/errors.md; ``fields`` are its particulars."""

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


def describe(routes: Sequence[Route]) -> Json:
    """The whole document."""
    types = [kind for route in routes for kind in _types(route)]
    schemas, components = schema_components([*types, Problem], schema_hook=_anything, ref_template=_REFERENCE)
    schema_of = dict(zip([*map(_key, types), _key(Problem)], schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Boxship box",
            "version": "1",
            "summary": "What a box is asked and told; every other answer is a problem (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "root on the unix socket needs none"}
            },
        },
    }


def _anything(kind: type) -> Json:
    if kind is object:
        return {"description": "any JSON value"}
    raise NotImplementedError(f"no schema for {kind}")


def plain_path(path: str) -> str:
    """``/v1/tags/latest/{registry}`` for ``/v1/tags/latest/{registry:path}``."""
    return _PARAMETER.sub(r"{\1}", path)


def problems_of(route: Route) -> Mapping[int, str]:
    """Status -> when, of everything that isn't what was asked for."""
    found = {
        **(
            {400: "the body or the query is wrong"}
            if route.body is not None or route.queries
            else {400: "it has no query"}
        ),
        401: "no token, or one that is not known",
        403: "the token has no scope for it",
        429: "too many wrong tokens from this address",
        500: "the box itself failed: its disk, or a bug; its log says more",
        **route.problems,
    }
    if route.body is not None:
        found |= {408: "the body did not come in time", 413: "the body is too large", 415: "the body is not JSON"}
    return dict(sorted(found.items()))


def _types(route: Route) -> Iterator[type]:
    if route.body is not None:
        yield route.body
    for answer in route.answers:
        if answer.body is not None:
            yield answer.body


def _key(kind: type) -> str:
    return repr(kind)


def _operation(route: Route, schema_of: Mapping[str, Json]) -> Json:
    said: Json = {
        "operationId": route.name,
        "summary": route.text,
        "description": f"Scope: {_scope(route)}." + _audited(route),
        "responses": _responses(route, schema_of),
    }
    parameters = [*_path_parameters(route), *map(_query_parameter, route.queries)]
    if parameters:
        said["parameters"] = parameters
    if route.body is not None:
        required = any(each not in _defaults(route.body) for each in route.body.__struct_fields__)
        said["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": schema_of[_key(route.body)]}},
        }
    return said


def _audited(route: Route) -> str:
    if not route.action:
        return ""
    return " Audited: the first of each caller, and one an hour." if route.is_frequent else " Audited."


def _defaults(kind: type[Struct]) -> tuple[str, ...]:
    names = kind.__struct_fields__
    return names[len(names) - len(kind.__struct_defaults__) :]


def _scope(route: Route) -> str:
    return f"`{route.scope}`" if route.scope else "any"


def _path_parameters(route: Route) -> Iterator[Json]:
    for name in _PARAMETER.findall(route.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(query: Query) -> Json:
    return {"name": query.name, "in": "query", "description": query.text, "schema": _query_schema(query)}


def _query_schema(query: Query) -> Json:
    match query.kind:
        case QueryKind.COUNT:
            return {"type": "integer", "minimum": 0, "maximum": query.most}
        case QueryKind.FLAG:
            return {"type": "string", "enum": [*TRUE, *FALSE]}
        case QueryKind.TEXT:
            return {"type": "string", "maxLength": LONGEST_TEXT}


def _responses(route: Route, schema_of: Mapping[str, Json]) -> Json:
    said: Json = {str(answer.status): _response(answer, schema_of) for answer in route.answers}
    for status, text in problems_of(route).items():
        schema = schema_of[_key(Problem)]
        said[str(status)] = {"description": text, "content": {PROBLEM: {"schema": schema}}}
    return dict(sorted(said.items()))


def _response(answer: Answer, schema_of: Mapping[str, Json]) -> Json:
    def schema(media_type: str) -> Json:
        if answer.body is not None:
            return schema_of[_key(answer.body)]
        return _EVENT if media_type == EVENT_STREAM else {"type": "string"}

    said: Json = {
        "description": answer.text,
        "content": {media_type: {"schema": schema(media_type)} for media_type in answer.media_types},
    }
    if answer.status == 202 and answer.body is not None and answer.body.__name__ == "Operation":
        said["headers"] = {"Location": {"description": "the operation", "schema": {"type": "string"}}}
    return said


def as_page(routes: Iterable[Route]) -> str:
    """docs/reference/api.md, below its heading."""
    parts: list[str] = []
    for route in routes:
        parts.append(f"## {route.method} {plain_path(route.path)}")
        parts.append(f"{route.text} Scope: {_scope(route)}.{_audited(route)}")
        rows = [(f"`{query.name}`", f"query, {query.kind}", query.text) for query in route.queries]
        if route.body is not None:
            rows += [(f"`{name}`", "body", _body_text(route.body, name)) for name in route.body.__struct_fields__]
        if rows:
            parts.append(_table(("parameter", "where", "meaning"), rows))
        if route.body is not None and route.body.__struct_fields__ and route.body.__doc__:
            parts.append(" ".join(route.body.__doc__.replace("``", "`").split()))
        answers = [(str(answer.status), answer.text) for answer in route.answers]
        own = [(str(status), text) for status, text in route.problems.items()]
        parts.append(_table(("status", "when"), sorted([*answers, *own])))
    return "\n\n".join(parts)


def _body_text(kind: type[Struct], name: str) -> str:
    return "optional" if name in _defaults(kind) else "required"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
