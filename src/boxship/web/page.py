"""Whole pages: a frame that needs nothing from elsewhere, with its style and its script inside."""

from functools import cache
from importlib.resources import files

from boxship.web.escape import escape
from boxship.web.parts import PARTS, announcement, parts
from boxship.web.public import PublicView
from boxship.web.words import headline, tone_of

REFRESH_S = 3
"""How often the page is loaded anew where scripts are turned off."""


def policy(nonce: str, *, has_forms: bool = False) -> str:
    """The Content-Security-Policy: what is in the page, and nothing else."""
    forms = "'self'" if has_forms else "'none'"
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        f"img-src data:; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
    )


def progress_page(view: PublicView, nonce: str, *, is_own: bool = False) -> str:
    """The page that everybody sees while the application can't be seen. ``is_own``: at a port of its own."""
    made = parts(view)
    inner = "".join(f'<div data-part="{name}">{made[name]}</div>' for name in PARTS)
    body = (
        f'<main data-boot="{escape(view.boot_id)}"{" data-own" if is_own else ""}>{inner}</main>'
        f'<p class="hidden" role="status" aria-live="polite" id="said">{escape(announcement(view))}</p>'
        '<p class="note" id="note" role="status" hidden></p>'
    )
    refresh = f'<noscript><meta http-equiv="refresh" content="{REFRESH_S}"></noscript>'
    script = f'<script nonce="{nonce}">{_asset("progress.js")}</script>'
    return frame(view.appliance, headline(view), body, nonce, tone=tone_of(view.phase), head=refresh, script=script)


def frame(
    appliance: str, title: str, body: str, nonce: str, *, tone: str = "calm", head: str = "", script: str = ""
) -> str:
    name = escape(appliance)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{escape(title)} · {name}</title>"
        f'<link rel="icon" href="{_ICON}">{head}'
        f'<style nonce="{nonce}">{_asset("page.css")}</style></head>'
        f'<body class="{tone}"><header><span class="logo" aria-hidden="true"></span>'
        f'<span class="appliance">{name}</span></header>{body}{script}</body></html>'
    )


@cache
def _asset(name: str) -> str:
    return (files("boxship.web") / "assets" / name).read_text(encoding="utf-8")


_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%232457d6'/%3E"
    "%3Cpath d='M4 6l4-2 4 2v5l-4 2-4-2z' fill='none' stroke='white' stroke-width='1.2'/%3E%3C/svg%3E"
)
