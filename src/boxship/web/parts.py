"""The page's parts, each as HTML: the same functions make the first page and every change that is sent after it."""

from collections.abc import Mapping

from boxship.loader.box import ImageView, ServiceView
from boxship.state.operation import Failure
from boxship.units import format_size
from boxship.web.escape import escape
from boxship.web.graph import draw
from boxship.web.public import PublicView
from boxship.web.words import Tone, duration, headline, service_tone, steps, tone_of

PARTS = ("top", "steps", "trouble", "progress", "services", "log")


def parts(view: PublicView) -> Mapping[str, str]:
    """Part -> HTML, "" for one that has nothing to say."""
    return {
        "top": _top(view),
        "steps": _steps(view),
        "trouble": _trouble(view),
        "progress": _progress(view),
        "services": _services(view),
        "log": _log(view),
    }


def announcement(view: PublicView) -> str:
    """What is read out when it changes: few words, and no numbers that change all the time."""
    return f"{view.appliance}: {headline(view)}."


def _top(view: PublicView) -> str:
    tone = tone_of(view.phase)
    since = ""
    if view.age_s >= 0 and tone is Tone.WORK:
        # The script counts on from data-age; without one, the page is made anew every few seconds.
        since = f'<p class="since">for <span data-age="{view.age_s:g}">{duration(view.age_s)}</span></p>'
    elif view.next_try_in_s > 0:
        left = f'<span data-left="{view.next_try_in_s:g}">{duration(view.next_try_in_s)}</span>'
        since = f'<p class="since">tried again in {left}</p>'
    return (
        f'<p class="pill {tone}"><span class="dot"></span>{escape(_pill(view))}</p>'
        f"<h1>{escape(headline(view))}</h1>"
        f'<p class="why">{escape(view.why)}</p>{since}'
    )


def _pill(view: PublicView) -> str:
    version = f"version {view.version}" if view.version else "no version yet"
    target = f" · {view.target}" if view.target not in ("", "default") else ""
    arrow = f" → {view.to_version}" if view.to_version and view.to_version != view.version else ""
    return f"{version}{arrow}{target}"


def _steps(view: PublicView) -> str:
    said = {"done": "done", "now": "now", "next": "to come"}
    items = "".join(
        f'<li class="{state}"{" aria-current=step" if state == "now" else ""}>'
        f'<span class="mark" aria-hidden="true"></span>{escape(name)}<span class="hidden">, {said[state]}</span></li>'
        for name, state in steps(view)
    )
    return f'<ol class="steps" aria-label="Steps">{items}</ol>' if items else ""


def _trouble(view: PublicView) -> str:
    return _fallback(view) + (_failure(view, view.failure) if view.failure is not None else "")


def _fallback(view: PublicView) -> str:
    if not view.fallen_back_from:
        return ""
    wanted, instead = escape(view.fallen_back_from), escape(view.target)
    runs = "runs in its place" if view.phase == "fallback" else "is to run in its place"
    return (
        '<section class="card warn" aria-labelledby="fallback"><h2 id="fallback">Fallback</h2>'
        f"<p>“{wanted}” did not start, so “{instead}” {runs}, on the same data.</p></section>"
    )


def _failure(view: PublicView, failure: Failure) -> str:
    facts = [("Service", failure.service), ("Asked", failure.check), ("Answer", failure.got)]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts if text)
    return (
        '<section class="card bad" aria-labelledby="failure"><h2 id="failure">What went wrong</h2>'
        f"{_tried(view)}<p>{escape(failure.message)}</p>"
        f"{f'<dl>{rows}</dl>' if rows else ''}"
        f"{_lines('Its last lines', failure.logs)}"
        f"{f'<p class=hint>{escape(failure.hint)}</p>' if failure.hint else ''}</section>"
    )


def _tried(view: PublicView) -> str:
    if not view.failed_version:
        return ""
    back = "is started again" if view.phase == "rolling-back" else "runs again"
    return (
        f"<p>Version {escape(view.failed_version)} was tried and did not work, "
        f"so version {escape(view.version)} {back}, with its data as it was.</p>"
    )


def _lines(label: str, lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    return f'<pre role="region" aria-label="{label}" tabindex="0">{escape(chr(10).join(lines))}</pre>'


def _progress(view: PublicView) -> str:
    bars = _operation_bar(view)
    images = "".join(_image(image) for image in view.images)
    if images:
        here = sum(image.is_here for image in view.images)
        bars += f'<p class="small">{here} of {len(view.images)} images are here</p><ul class="images">{images}</ul>'
    if not bars:
        return ""
    return f'<section class="card" aria-labelledby="progress"><h2 id="progress">Progress</h2>{bars}</section>'


def _operation_bar(view: PublicView) -> str:
    operation = view.operation
    if operation is None or operation.status != "running":
        return ""
    done, total = operation.progress.done_bytes, operation.progress.total_bytes
    unit = f"{format_size(done)} of {format_size(total)}"
    if not total:
        done, total = operation.progress.done_items, operation.progress.total_items
        unit = f"{done} of {total}"
    note = escape(operation.note or operation.stage or operation.kind)
    if not total:
        return f'<div class="bar"><p><span>{note}</span></p><progress aria-label="{note}"></progress></div>'
    return f'<div class="bar"><p><span>{note}</span><span>{unit}</span></p>{_bar(done, total, note)}</div>'


def _bar(done: int, total: int, label: str) -> str:
    return f'<progress max="{total}" value="{min(done, total)}" aria-label="{label}"></progress>'


def _image(image: ImageView) -> str:
    name = escape(image.name)
    if image.is_here:
        size = format_size(image.total_bytes)
        return f'<li class="here"><p><span>{name}</span><span>{size} ✓</span></p>{_bar(1, 1, name)}</li>'
    if not image.done_bytes:
        size = f"{format_size(image.total_bytes)}, waiting"
        return f"<li><p><span>{name}</span><span>{size}</span></p>{_bar(0, 1, name)}</li>"
    if image.unpacking is not None:
        text, bar = escape(image.unpacking.text), _bar(image.unpacking.done_bytes, image.unpacking.total_bytes, name)
        return f"<li><p><span>{name}</span><span>{text}</span></p>{bar}</li>"
    sizes = f"{format_size(image.done_bytes)} of {format_size(image.total_bytes)}"
    return f"<li><p><span>{name}</span><span>{sizes}</span></p>{_bar(image.done_bytes, image.total_bytes, name)}</li>"


def _services(view: PublicView) -> str:
    if not view.services:
        return ""
    ready = sum(service_tone(service.phase) is Tone.GOOD for service in view.services)
    items = "".join(map(_service, view.services))
    return (
        '<section class="card" aria-labelledby="services"><h2 id="services">Services'
        f'<span class="count">{ready} of {len(view.services)} ready</span></h2>'
        f'<div class="drawing">{draw(view.services)}</div><ul class="services">{items}</ul></section>'
    )


def _service(service: ServiceView) -> str:
    detail = f'<span class="detail">{escape(service.detail)}</span>' if service.detail else ""
    needs = f'<span class="hidden"> needs {escape(", ".join(service.needs))}</span>' if service.needs else ""
    return (
        f'<li class="{service_tone(service.phase)}"><span class="dot" aria-hidden="true"></span>'
        f'<span class="name">{escape(service.name)}</span> '
        f'<span class="state">{escape(service.phase or "not yet")}</span>{needs}{detail}</li>'
    )


def _log(view: PublicView) -> str:
    if not view.log:
        return ""
    lines = _lines("The last lines of the log", view.log)
    return f'<section class="card" aria-labelledby="log"><h2 id="log">What happens</h2>{lines}</section>'
