"""Who may ask, and who asked for what."""

import asyncio
from datetime import timedelta

from boxship.api.route import Answer, Call, Doors, Handled, Query, QueryKind, Reply, Route
from boxship.api.views import (
    AuditAnswer,
    IssuedAnswer,
    TokenBody,
    TokensAnswer,
    TokenView,
    token_view,
)
from boxship.errors import UsageError
from boxship.loader.access import check_new_token

_USUAL_LIMIT = 100
_LONGEST_S = 20 * 365 * 24 * 3600


async def list_tokens(doors: Doors, call: Call) -> Handled:
    found = await asyncio.to_thread(doors.tokens.tokens)
    return Reply(TokensAnswer(tuple(token_view(token) for token in found)))


async def create_token(doors: Doors, call: Call) -> Handled:
    body = call.body_as(TokenBody)
    check_new_token(body.name, body.scopes)
    if not 0 <= body.expires_in_s <= _LONGEST_S:
        raise UsageError(
            f"expires_in_s: {body.expires_in_s} is not a time to live", hint="at most 20 years; 0: for ever"
        )
    expires_at = doors.clock.now() + timedelta(seconds=body.expires_in_s) if body.expires_in_s else None
    before = await asyncio.to_thread(doors.tokens.tokens)
    issued = await asyncio.to_thread(
        doors.tokens.issue, body.name, body.scopes, expires_at=expires_at, service=body.service
    )
    if body.replace:
        for token in before:
            if token.name == body.name and token.revoked_at is None:
                await asyncio.to_thread(doors.tokens.revoke, token.id)
    view = token_view(issued.token)
    return Reply(IssuedAnswer(view, issued.secret), 201, outcome=f"token {view.id}")


async def revoke_token(doors: Doors, call: Call) -> Handled:
    return Reply(token_view(await asyncio.to_thread(doors.tokens.revoke, call.path["id"])))


async def show_audit(doors: Doors, call: Call) -> Handled:
    after, limit = call.count("after") or 0, call.count("limit")
    entries = await asyncio.to_thread(doors.journal.audit, after, _USUAL_LIMIT if limit is None else limit)
    chain = await asyncio.to_thread(doors.journal.verify_audit)
    return Reply(AuditAnswer(entries, entries[-1].number if entries else after, chain))


ROUTES = (
    Route(
        method="GET",
        path="/v1/tokens",
        name="list_tokens",
        text="All tokens, without their secrets.",
        handle=list_tokens,
        answers=(Answer(200, "the tokens", TokensAnswer),),
        scope="admin",
    ),
    Route(
        method="POST",
        path="/v1/tokens",
        name="create_token",
        text="Make a token. Its secret is told in this answer, and never again.",
        handle=create_token,
        body=TokenBody,
        answers=(Answer(201, "the token and its secret", IssuedAnswer),),
        scope="admin",
        action="create token",
        problems={409: "the box has as many tokens as it keeps"},
    ),
    Route(
        method="DELETE",
        path="/v1/tokens/{id}",
        name="revoke_token",
        text="Make a token unknown from now on.",
        handle=revoke_token,
        answers=(Answer(200, "the token", TokenView),),
        scope="admin",
        action="revoke token",
        problems={404: "there is no such token"},
    ),
    Route(
        method="GET",
        path="/v1/audit",
        name="show_audit",
        text="Who asked for what, and what came of it; also what was refused. `chain`: how far back that reaches, and "
        "whether it is what was written.",
        handle=show_audit,
        queries=(
            Query("after", QueryKind.COUNT, "only entries with a greater number", most=2**53),
            Query("limit", QueryKind.COUNT, "how many at most (default 100)", most=1000),
        ),
        answers=(Answer(200, "the oldest first", AuditAnswer),),
        scope="admin",
    ),
)
