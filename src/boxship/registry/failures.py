"""What a registry refuses, and what a connection breaks with, as sentences."""

import contextlib
import ssl
from collections.abc import Iterator

import httpx
import msgspec

from boxship.errors import NotFoundError, RegistryError

_SHOWN = 300
_WANTS_CERTIFICATE = ("ALERT_CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA")
"""Servers' answers to who shows none (TLS 1.3, and 1.2 as Go does it), or one of an authority that they don't know."""


class _Item(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Item, ...] = ()


@contextlib.contextmanager
def told(what: str, host: str) -> Iterator[None]:
    """Turns what httpx raises into a RegistryError that begins with ``what``."""
    try:
        yield
    except httpx.TimeoutException as err:
        raise RegistryError(
            f"cannot {what}: {host} does not answer", hint="is it reachable from here?", is_transient=True
        ) from err
    except (httpx.TransportError, ssl.SSLError) as err:
        # What a server says to our certificate comes after the handshake (TLS 1.3), where httpx passes it on as it is.
        raise _broken(what, host, err) from err
    except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.DecodingError) as err:
        raise RegistryError(f"cannot {what}: {host} answered with nonsense: {err}") from err


def _broken(what: str, host: str, err: Exception) -> RegistryError:
    cause = _tls_failure(err)
    if cause is None:
        return RegistryError(
            f"cannot {what}: {host} can't be reached: {str(err)[:_SHOWN] or type(err).__name__}",
            hint="check its name and the network",
            is_transient=True,
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RegistryError(
            f"cannot {what}: the certificate of {host} is not trusted: {cause.verify_message}",
            hint=f"put its authority into /etc/docker/certs.d/{host}/ca.crt",
        )
    if any(alert in (cause.reason or "") for alert in _WANTS_CERTIFICATE):
        return RegistryError(
            f"cannot {what}: {host} wants a certificate of who asks, and none that it believes was shown",
            hint=f"put client.cert and client.key into /etc/docker/certs.d/{host}; for a box, then install it again",
        )
    return RegistryError(
        f"cannot {what}: {host} does not speak TLS as it should: {cause.reason or cause}",
        hint="plain HTTP is for loopback, and for hosts named as insecure",
        is_transient="EOF" in str(cause),
    )


def _tls_failure(err: BaseException | None) -> ssl.SSLError | None:
    while err is not None:
        if isinstance(err, ssl.SSLError):
            return err
        err = err.__cause__ or err.__context__
    return None


def speaks_no_tls(err: httpx.TransportError) -> bool:
    """Whether who answered doesn't know TLS at all."""
    found = _tls_failure(err)
    return found is not None and found.reason in {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}


def refused(what: str, host: str, status: int, body: bytes) -> RegistryError | NotFoundError:
    """The error for an answer that said no."""
    reason = _reason(body)
    said = f": {reason}" if reason else ""
    match status:
        case 401 | 403:
            return RegistryError(
                f"cannot {what}: {host} refuses the login{said}", hint=f"docker login {host}", status=status
            )
        case 404:
            return NotFoundError(f"cannot {what}: {host} has none{said}", hint="check its name")
        case 429:
            return RegistryError(
                f"cannot {what}: {host} is asked too often{said}", hint="try later", status=status, is_transient=True
            )
        case _:
            return RegistryError(
                f"cannot {what}: {host} answered {status}{said}",
                hint="look into the registry's own log",
                status=status,
                is_transient=status >= 500,
            )


def _reason(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=_Errors).errors
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return ""
    text = "; ".join(each.message or each.code for each in found[:3])
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_SHOWN]
