"""The pages of who looks after the box: sign in; then how it is, what is under way, and the buttons."""

from msgspec import Struct

from boxship.loader.way_back import COMMAND, WayBack
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus, reasons_against
from boxship.web.escape import escape
from boxship.web.page import frame
from boxship.web.parts import parts
from boxship.web.public import PublicView
from boxship.web.words import Tone, headline, tone_of

HOME = "/boxship/operate"
SIGN_IN, SIGN_OUT = f"{HOME}/sign-in", f"{HOME}/sign-out"
MAINTENANCE, CANCEL, ROLLBACK = f"{HOME}/maintenance", f"{HOME}/cancel", f"{HOME}/rollback"
REFRESH_S = 2
"""While something is under way. Otherwise the page stays, and with it the place of who goes through it by keys."""

_KINDS = {
    OperationKind.BOOT: "Boot",
    OperationKind.PULL: "Pull",
    OperationKind.SWITCH: "Switch",
    OperationKind.ROLLBACK: "Rollback",
    OperationKind.GC: "Clean-up",
    OperationKind.RESTART: "Restart",
}
_ENDED = {
    OperationStatus.RUNNING: ("under way", Tone.WORK),
    OperationStatus.DONE: ("done", Tone.GOOD),
    OperationStatus.FAILED: ("failed", Tone.BAD),
    OperationStatus.CANCELLED: ("cancelled", Tone.CALM),
    OperationStatus.INTERRUPTED: ("interrupted", Tone.WARN),
}


class Trouble(Struct, frozen=True):
    """Why the last click did nothing."""

    message: str
    hint: str = ""


class Desk(Struct, frozen=True):
    """What the page shows to who is signed in. ``last``: the newest operation, under way or over.

    ``way_back``: what can be gone back to, where that is of use; ``data_age`` how old its data is, in words.
    """

    who: str
    proof: str
    view: PublicView
    is_maintenance: bool
    last: Operation | None
    way_back: WayBack | None = None
    data_age: str = ""


def sign_in_page(appliance: str, nonce: str, trouble: Trouble | None = None, *, is_safe: bool = True) -> str:
    """``is_safe``: nobody on the way can read a token that is sent here."""
    form = (
        f'<form method="post" action="{SIGN_IN}" class="card"><label for="token">Token of an operator</label>'
        '<input id="token" name="token" type="password" required autocomplete="off" spellcheck="false" '
        'aria-describedby="make" autofocus><button>Sign in</button>'
        '<p class="hint" id="make">Make one on the box: '
        "<code>boxship box tokens create NAME --scope admin --expires 12h</code></p></form>"
    )
    unsafe = (
        '<section class="card warn"><h2>Not over this connection</h2><p>Others could read your token on its way. '
        "Come by https, or through a tunnel: <code>ssh -L 8480:localhost:8480 BOX</code>, then "
        f"<code>http://localhost:8480{HOME}</code></p></section>"
    )
    title = "Operate this box"
    body = f"<main><h1>{title}</h1>{_trouble(trouble)}{form if is_safe else unsafe}</main>"
    return frame(appliance, title, body, nonce)


def operate_page(desk: Desk, nonce: str, trouble: Trouble | None = None) -> str:
    view = desk.view
    made = parts(view)
    is_busy = desk.last is not None and not desk.last.status.is_over
    body = (
        f"<main>{made['top']}{_trouble(trouble)}{made['trouble']}{made['progress']}"
        f"{_last(desk)}{_rollback(desk, is_busy=is_busy)}{_maintenance(desk, is_busy=is_busy)}{made['services']}"
        f'<form method="post" action="{SIGN_OUT}" class="leave"><span>Signed in as {escape(desk.who)}</span>'
        f'{_proof(desk)}<button class="quiet">Sign out</button></form></main>'
    )
    refresh = f'<meta http-equiv="refresh" content="{REFRESH_S}; url={HOME}">' if is_busy else ""
    return frame(view.appliance, headline(view), body, nonce, tone=tone_of(view.phase), head=refresh)


def _proof(desk: Desk) -> str:
    return f'<input type="hidden" name="proof" value="{escape(desk.proof)}">'


def _trouble(trouble: Trouble | None) -> str:
    if trouble is None:
        return ""
    hint = f'<p class="hint">{escape(trouble.hint)}</p>' if trouble.hint else ""
    return f'<section class="card bad" role="alert"><p>{escape(trouble.message)}</p>{hint}</section>'


def _maintenance(desk: Desk, *, is_busy: bool) -> str:
    word, title, text = (
        ("off", "End maintenance", "The appliance starts again, once the machine and the vendor's checks allow it.")
        if desk.is_maintenance
        else ("on", "Begin maintenance", "The application stops, and its maintenance page is shown. Data stays.")
    )
    waits = " disabled" if is_busy else ""
    return (
        '<section class="card" aria-labelledby="maintenance"><h2 id="maintenance">Maintenance'
        f'<span class="count">{"on" if desk.is_maintenance else "off"}</span></h2><p>{text}</p>'
        f'<form method="post" action="{MAINTENANCE}">{_proof(desk)}<input type="hidden" name="set" value="{word}">'
        f"<button{waits}>{title}</button><code>boxship box maintenance {word}</code></form></section>"
    )


def _rollback(desk: Desk, *, is_busy: bool) -> str:
    """Offered where what is current doesn't boot; what it loses is to be agreed to."""
    way = desk.way_back
    if way is None:
        return ""
    waits = " disabled" if is_busy else ""
    return (
        '<section class="card warn" aria-labelledby="rollback"><h2 id="rollback">Go back to the version before</h2>'
        f"<p>{escape(str(way.to))} comes back with its own data, which is {escape(desk.data_age)} old "
        f"(of {escape(way.at)}). What was written since {escape(str(way.away_from))} took over isn't in it; that stays "
        "on this box as the previous deployment.</p>"
        f'<form method="post" action="{ROLLBACK}">{_proof(desk)}'
        f'<input type="hidden" name="to" value="{way.to.generation}">'
        '<label class="agree"><input type="checkbox" name="agreed" value="yes" required> '
        "I agree to go on without what was written since</label>"
        f"<button{waits}>Go back to version {escape(way.to.version)}</button><code>{COMMAND}</code></form></section>"
    )


def _last(desk: Desk) -> str:
    operation = desk.last
    if operation is None:
        return ""
    said, tone = _ENDED[operation.status]
    what = " ".join((_KINDS[operation.kind], *(operation.parameters.get(name, "") for name in ("version", "target"))))
    rows = [("Asked by", operation.asked_by), ("Stage", "" if operation.status.is_over else operation.note)]
    facts = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
    return (
        f'<section class="card" aria-labelledby="last"><h2 id="last">{escape(what.strip())}'
        f'<span class="state {tone}">{said}</span></h2><dl>{facts}</dl>{_failed(operation)}{_cancel(desk, operation)}'
        "</section>"
    )


def _failed(operation: Operation) -> str:
    failure = operation.failure
    if failure is None:
        return ""
    others = reasons_against(operation)
    listed = "".join(f"<li>{escape(text)}</li>" for text in others) if len(others) > 1 else ""
    sentence = failure.message if listed else _sentence(failure)
    return (
        f"<p>{escape(sentence)}</p>{f'<ul class=reasons>{listed}</ul>' if listed else ''}"
        f"{f'<p class=hint>{escape(failure.hint)}</p>' if failure.hint else ''}"
    )


def _sentence(failure: Failure) -> str:
    got = failure.got if failure.got not in failure.message else ""
    return f"{failure.message} ({got})" if got else failure.message


def _cancel(desk: Desk, operation: Operation) -> str:
    if operation.status.is_over or not operation.can_cancel:
        return ""
    return (
        f'<form method="post" action="{CANCEL}">{_proof(desk)}'
        f'<input type="hidden" name="operation" value="{escape(operation.id)}">'
        f'<button class="quiet">Cancel it</button><code>boxship box cancel {escape(operation.id)}</code></form>'
    )
