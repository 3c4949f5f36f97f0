"""How long certificates are still valid: one that a server shows, or those of a PEM file."""

import asyncio
import ssl
from datetime import UTC, datetime

from cryptography import x509

from boxship.checks.report import Found, Level
from boxship.execute.http import tls_context
from boxship.spec.model_checks import DAY_S, CertificateProbe

_MOST_CERTIFICATES = 100


class CertificateUnreadableError(Exception):
    """There is no certificate to be judged; the text says why."""


async def shown_certificate(address: str, probe: CertificateProbe) -> x509.Certificate:
    """What the server at ``address`` shows. Nothing is verified: also a wrong one has an end.

    Raises: OSError when there is no TLS; CertificateUnreadableError.
    """
    name = probe.server_name or probe.host
    _, writer = await asyncio.open_connection(address, probe.port, ssl=tls_context(verify=False), server_hostname=name)
    try:
        connection = writer.get_extra_info("ssl_object")
        raw = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLObject) else None
    finally:
        writer.transport.abort()
    if not raw:
        raise CertificateUnreadableError("it shows none")
    try:
        return x509.load_der_x509_certificate(raw)
    except ValueError as error:
        raise CertificateUnreadableError(f"it can't be read: {error}") from error


def certificates_in(text: str) -> tuple[x509.Certificate, ...]:
    """Those of a PEM file, a chain's as well. Raises: CertificateUnreadableError."""
    try:
        found = x509.load_pem_x509_certificates(text.encode(errors="replace"))
    except ValueError as error:
        raise CertificateUnreadableError("the file holds no certificate in PEM") from error
    return tuple(found[:_MOST_CERTIFICATES])


def judge_certificates(probe: CertificateProbe, certificates: tuple[x509.Certificate, ...], now: datetime) -> Found:
    """The one that ends first counts."""
    first = min(certificates, key=lambda each: each.not_valid_after_utc)
    ends, begins = first.not_valid_after_utc, max(each.not_valid_before_utc for each in certificates)
    left_s = (ends - now).total_seconds()
    values = {"certificate_left_seconds": left_s, "certificate_end_seconds": ends.timestamp()}
    context = {"expires": ends.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    when = f"{ends.astimezone(UTC):%Y-%m-%d}"
    if begins > now:
        text = f"it is valid only from {begins.astimezone(UTC):%Y-%m-%d %H:%M} UTC on"
        return Found(Level.FAIL, text, "certificate.expired", values, context)
    if left_s <= 0:
        return Found(
            Level.FAIL, f"it expired {_span(abs(left_s))} ago ({when})", "certificate.expired", values, context
        )
    text = f"it expires in {_span(left_s)} ({when})"
    if left_s <= probe.fail_s:
        return Found(Level.FAIL, text, "certificate.expires", values, context)
    if left_s <= probe.warn_s:
        return Found(Level.WARN, text, "certificate.expires", values, context)
    return Found(Level.OK, text, values=values)


def _span(seconds: float) -> str:
    if seconds >= 2 * DAY_S:
        return f"{seconds / DAY_S:.0f} days"
    return f"{seconds / 3600:.0f} hours" if seconds >= 7200 else f"{seconds / 60:.0f} minutes"
