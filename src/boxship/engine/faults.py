"""What the engine said no with, as sentences with a next step.

The engine's messages are English for its own developers. Those that people meet often are recognised and told again;
all others are passed on without their wrapping.
"""

import json
import re

from boxship.engine.pages import heading_of, is_page, without_page
from boxship.errors import (
    CommandNotFoundError,
    CommandRefusedError,
    EngineConflictError,
    EngineError,
    EngineNotFoundError,
    EngineTimeoutError,
    EngineUnreachableError,
    HalfStartedError,
    ImageMissingError,
    NetworkMiscountedError,
    PortTakenError,
    PushError,
)
from boxship.logins import HUB, registry_of

_NOISE = re.compile(
    r"^(?:Error response from daemon: "
    r"|failed to create shim(?: task)?: "
    r"|failed to create task for container: "
    r"|OCI runtime (?:create|exec) failed: "
    r"|exec failed: "
    r"|(?:runc|crun) create failed: "
    r"|container_linux\.go:\d+: "
    r"|starting container process caused: "
    r"|unable to start container process: "
    r"|error while creating mount source path [^:]*: (?=mkdir)"
    r"|driver failed programming external connectivity on endpoint \S+ \(\w+\): )+"
)
_LOST = (
    "; if no container has it and nobody but docker-proxy listens, the engine lost it when it was killed in a start: "
    "systemctl restart docker"
)
"""By its own books: Docker 20.10 may keep a port for a container that it knows no more, until its next start."""
_PORT = re.compile(r"(?:Bind for |listen (?:tcp|udp|sctp)[46]? |failed to bind host port (?:for )?)(\S+?):(\d+)\b")
_NO_IMAGE = re.compile(r"No such image: (\S+)")
_NAME_TAKEN = re.compile(r'The container name "/?(\S+)" is already in use by container "?(\w+)')
_BIND_MISSING = re.compile(r"bind source path does not exist: (.+)")
# containerd still has what the engine, killed during a start, no longer knows of.
_HALF_STARTED = re.compile(
    r"task [0-9a-f]{64}: already exists|id already in use|failed to start shim: mkdir \S+/[0-9a-f]{64}: file exists"
)
_NO_USER = re.compile(r"unable to find (user|group) (\S+): no matching entries")
_LIMIT_REFUSED = re.compile(r"error setting rlimit type (\d+): operation not permitted")
_LIMITS = {3: "stack", 4: "core", 6: "nproc", 7: "nofile", 8: "memlock", 13: "nice", 14: "rtprio"}
"""Linux's numbers of the ulimits that files set."""
_CAPS_REFUSED = "unable to apply caps: operation not permitted"
_NO_COMMAND = re.compile(r'exec: "(.*?)": (executable file not found|stat .*: no such file|permission denied|is a dir)')
_LONG_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
RUN_AGAIN = ", then run the command again"
"""How the hints of errors end after which that is all there is to do."""
_WANTS_LOGIN = "the registry wants a login"
_HAS_TROUBLE = "the registry has trouble of its own"
_BROKE_OFF = "the registry broke off"
_REASONS = (
    ("manifest unknown", "the registry has no such tag or digest"),
    ("not found", "the registry has no such image"),
    ("pull access denied", "the registry has no such image, or wants a login"),
    ("no basic auth credentials", _WANTS_LOGIN),
    ("unauthorized", _WANTS_LOGIN),
    ("authentication required", _WANTS_LOGIN),
    ("denied", "the registry refused it"),
    ("toomanyrequests", "the registry wants a pause: too many requests"),
    ("Bad Gateway", _HAS_TROUBLE),
    ("Service Unavailable", _HAS_TROUBLE),
    ("Gateway Time", _HAS_TROUBLE),
    ("Internal Server Error", _HAS_TROUBLE),
    ("no such host", "the registry's name can't be resolved"),
    ("dial tcp", "the registry can't be reached"),
    ("network is unreachable", "the registry can't be reached"),
    ("Timeout", "the registry did not answer in time"),
    ("timeout", "the registry did not answer in time"),
    ("EOF", _BROKE_OFF),
    ("connection reset", _BROKE_OFF),
    ("broken pipe", _BROKE_OFF),
)
_PASSING = re.compile(
    r"connection refused|toomanyrequests|Bad Gateway|Service Unavailable|Gateway Time|Internal Server Error"
    r"|[Tt]imeout|EOF|connection reset|broken pipe|server closed idle connection"
)
"""What may be over in a moment. Not a name that can't be resolved: who is offline stays so."""
_NOT_HERE = re.compile(r"An image does not exist locally with the tag|tag does not exist")


def message_of(body: bytes) -> str:
    """The engine's sentence in the body of an answer that says no."""
    text = body.decode(errors="replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return clean(text)
    message = document.get("message") if isinstance(document, dict) else None
    return clean(message if isinstance(message, str) else text)


def clean(message: str) -> str:
    """``message`` without the engine's wrapping and trailing noise."""
    text = _NOISE.sub("", message.strip())
    text = without_page(text).removesuffix(": unknown").rstrip(".")
    return text[:2000] or "it gave no reason"


def refused(what: str, status: int, body: bytes) -> EngineError:
    """The error for an answer with an error status and this body. ``what`` is the call in words."""
    text = body.decode(errors="replace")
    if not is_page(text):
        return refusal(what, status, message_of(body))
    # Its status is another's: a web server's 404 doesn't say that the engine has no such thing.
    heading = heading_of(text)
    said = f" ({heading})" if heading else ""
    return EngineError(
        f"cannot {_with_short_ids(what)}: a web server answered {status} in the engine's place{said}",
        hint="check DOCKER_HOST, and what stands between here and the engine",
        status=status,
    )


def refusal(what: str, status: int, message: str) -> EngineError:
    """The error for an answer with an error status. ``what`` is the call in words, ``message`` already cleaned."""
    what = _with_short_ids(what)
    known = _known(what, status, message) or _lacks_rights(what, status, message)
    return known or _by_status(what, status, message)


def _known(what: str, status: int, message: str) -> EngineError | None:
    if missing := _NO_IMAGE.search(message):
        return ImageMissingError(
            f"cannot {what}: image '{missing[1]}' is not on this machine",
            hint="pull or load it (docker load), or give the service a build:",
            status=status,
        )
    if "port is already allocated" in message or "address already in use" in message:
        return _port_taken(what, status, message)
    if "Address already in use" in message:
        return EngineConflictError(
            f"cannot {what}: its address is held by another container",
            hint="see who holds it with docker network inspect, and remove that container or choose another address",
            status=status,
        )
    if _HALF_STARTED.fullmatch(message):
        return HalfStartedError(
            f"cannot {what}: the engine died while it started it, and has lost track of it",
            hint="run boxship up: it puts a new container in its place",
            status=status,
        )
    if taken := _NAME_TAKEN.search(message):
        return EngineConflictError(
            f"cannot {what}: the name '{taken[1]}' is taken by container {taken[2][:12]}",
            hint=f"remove or rename that container (docker rm {taken[1]})",
            status=status,
        )
    if missing := _BIND_MISSING.search(message):
        return EngineError(
            f"cannot {what}: '{missing[1]}' does not exist on this host",
            hint="create it, or correct the path of the mount",
            status=status,
        )
    if missing := _NO_USER.search(message):
        return EngineError(
            f"cannot {what}: its image has no {missing[1]} '{missing[2]}'",
            hint=f"name a {missing[1]} that the image has, or give a number",
            status=status,
        )
    if "available" in message and "address pool" in message:
        return EngineConflictError(
            f"cannot {what}: the engine has no free subnet left",
            hint="remove unused networks (docker network prune), or give the network a subnet",
            status=status,
        )
    if "overlap" in message and ("ool" in message or "networks have" in message):
        return EngineConflictError(
            f"cannot {what}: its subnet overlaps another network's",
            hint="choose another subnet, or remove the other network (docker network ls)",
            status=status,
        )
    return None


def _lacks_rights(what: str, status: int, message: str) -> EngineError | None:
    """An engine that runs in a container itself, or without root, can't give what it hasn't got."""
    if limit := _LIMIT_REFUSED.search(message):
        name = _LIMITS.get(int(limit[1]), f"number {limit[1]}")
        return EngineError(
            f"cannot {what}: its ulimit '{name}' is above what the engine itself is allowed",
            hint="lower it, or run the engine with more rights (as root, outside of a container)",
            status=status,
        )
    if _CAPS_REFUSED in message:
        return EngineError(
            f"cannot {what}: it asks for rights that the engine itself hasn't got",
            hint="go without privileged or cap_add, or run the engine as root, outside of a container",
            status=status,
        )
    return None


def _port_taken(what: str, status: int, message: str) -> EngineError:
    found = _PORT.search(message)
    port = f"{found[1]}:{found[2]}" if found else "one of its ports"
    hint = f"see who listens with: ss -ltnp 'sport = :{found[2]}'" if found else "see who listens with: ss -ltnp"
    is_booked = "already allocated" in message
    return PortTakenError(
        f"cannot {what}: port {port} of this host is already taken",
        hint=f"{hint}; stop that, or publish another port{_LOST if is_booked else ''}",
        status=status,
        port=int(found[2]) if found else 0,
        is_booked=is_booked,
    )


def _by_status(what: str, status: int, message: str) -> EngineError:
    sentence = f"cannot {what}: {message}"
    if status == 404:
        return EngineNotFoundError(sentence, status=status)
    in_use = "in use" in message or "has active endpoints" in message
    if status == 409 or (status in {403, 500} and in_use):
        return EngineConflictError(sentence, status=status)
    if status >= 500:
        return EngineError(sentence, hint="the engine's own log says more (journalctl -u docker)", status=status)
    return EngineError(sentence, status=status)


def image_unavailable(reference: str, message: str, status: int = 404) -> ImageMissingError:
    """The error of a pull that failed."""
    text = clean(message)
    reason = _reason(text)
    detail = "" if reason == text else f" ({text})"
    hint = "check its name; offline, bring it over with docker save and docker load, or give the service a build:"
    if reason in (_BROKE_OFF, _HAS_TROUBLE):
        hint = "run it again later: the layers that are complete are kept"
    return ImageMissingError(
        f"image '{reference}' is not on this machine and cannot be pulled: {reason}{detail}",
        hint=_login_hint(reference) if reason == _WANTS_LOGIN else hint,
        status=status,
        reason=reason,
        is_transient=bool(_PASSING.search(text)),
    )


def command_fault(what: str, message: str) -> EngineError | None:
    """The error of a command that a person gave and that the container can't execute; None for other messages."""
    found = _NO_COMMAND.search(message)
    if found is None:
        return None
    command, reason = found[1], found[2]
    if reason.startswith(("permission", "is a")):
        return CommandRefusedError(
            f"cannot {what}: '{command}' can't be executed there", hint="is it a file, and has it the x permission?"
        )
    return CommandNotFoundError(f"cannot {what}: there is no '{command}' there", hint="its image has to bring it")


def push_refused(reference: str, message: str, status: int = 0) -> EngineError:
    """The error of a push that failed."""
    text = clean(message)
    if _NOT_HERE.search(text) or "No such image" in text:
        return ImageMissingError(
            f"cannot push {reference}: there is no such image on this machine", hint="boxship build makes it"
        )
    reason = _reason(text)
    detail = "" if reason == text else f" ({text})"
    is_passing = bool(_PASSING.search(text))
    hint = "run it again: what the registry has is not sent twice" if is_passing else "check the image's name"
    return PushError(
        f"cannot push {reference}: {reason}{detail}",
        hint=_login_hint(reference) if "login" in reason or "denied" in text else hint,
        status=status,
        reason=reason,
        is_transient=is_passing,
    )


def _reason(text: str) -> str:
    return next((reason for word, reason in _REASONS if word in text), text)


def _login_hint(reference: str) -> str:
    registry = registry_of(reference)
    return "docker login" if registry == HUB else f"docker login {registry}"


def timed_out(what: str, within_s: float) -> EngineTimeoutError:
    """The error of a deadline that passed."""
    return EngineTimeoutError(
        f"the container engine did not answer '{_with_short_ids(what)}' within {within_s:g} s",
        hint="it may be overloaded or deadlocked: if 'docker network ls' does not answer either, restart it"
        + RUN_AGAIN,
    )


def miscounted(what: str) -> NetworkMiscountedError:
    """The error of a network that the engine can't remove, though no container is on it."""
    return NetworkMiscountedError(
        f"cannot {what}: the engine has miscounted the containers on it, and won't know better until it is restarted",
        hint="restart the engine when it suits (systemctl restart docker)",
    )


def broken_off(what: str, reason: str, *, takes_effect: bool) -> EngineUnreachableError:
    """The error of a connection that ended before the answer. ``takes_effect``: the call changes something."""
    effect = "; it may have taken effect" if takes_effect else ""
    return EngineUnreachableError(
        f"the connection to the container engine broke during '{_with_short_ids(what)}' ({reason}){effect}",
        hint=f"see whether the engine runs (systemctl status docker){RUN_AGAIN}",
    )


def _with_short_ids(what: str) -> str:
    return _LONG_ID.sub(r"\1", what)


def unreachable(address: str, err: OSError, within_s: float) -> EngineUnreachableError:
    """Nobody accepted a connection at ``address``: why, and what to do."""
    match err:
        case TimeoutError():
            reason = f"it did not accept a connection within {within_s:g} s"
            hint = "it may be overloaded or stuck: restart it"
        case FileNotFoundError():
            reason = "no such file"
            hint = "start it (systemctl start docker), or set DOCKER_HOST to where it listens"
        case PermissionError():
            reason = "permission denied"
            hint = "run as root, or add yourself to the group 'docker' and log in again"
        case ConnectionRefusedError():
            reason = "nobody listens there"
            hint = "it has stopped: start it (systemctl start docker), or set DOCKER_HOST to where it listens"
        case _:
            reason, hint = err.strerror or str(err), "check DOCKER_HOST"
    return EngineUnreachableError(f"cannot reach the container engine at {address}: {reason}", hint=hint)


def not_an_engine(what: str, address: str, reason: str) -> EngineUnreachableError:
    """The error of an answer that isn't HTTP, or names no API version."""
    return EngineUnreachableError(
        f"what answers '{_with_short_ids(what)}' at {address} is not a container engine: {reason}",
        hint="check DOCKER_HOST",
    )


def unreadable(what: str, reason: str) -> EngineError:
    """The error of an answer that isn't what the API promises."""
    return EngineError(
        f"the container engine's answer to '{_with_short_ids(what)}' makes no sense: {reason}",
        hint="check DOCKER_HOST, and that nothing between here and the engine changes its answers",
    )
