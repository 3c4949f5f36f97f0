"""Every error a user can see, as one tree.

::

    BoxshipError                      code              exit  http
    |-- SpecError                     spec.invalid         2   400   what the vendor wrote is wrong
    |-- UsageError                    usage                2   400   what was typed is wrong
    |   |-- MethodError                 request.method       2   405   a path of the API knows other methods
    |   |-- SlowBodyError               request.slow         2   408   a body did not come in time
    |   |-- TooLargeError               request.too_large    2   413   a body is longer than any that has a meaning
    |   `-- MediaTypeError              request.media_type   2   415   a body is not said to be JSON
    |-- NotFoundError                 not_found            3   404   a name that isn't there
    |-- ConflictError                 busy                 4   409   somebody else holds it
    |-- EngineError                   engine.failed        5   502   the container engine said no
    |   |-- EngineUnreachableError    engine.unreachable   5   502   nobody answers on the socket
    |   |-- EngineTimeoutError        engine.timeout       5   504   it took longer than the deadline
    |   |-- EngineNotFoundError       engine.not_found     5   404   the engine has no such thing
    |   |-- EngineConflictError       engine.conflict      5   409   a name, port or address is taken
    |   |   |-- HalfStartedError        engine.half_started  5   409   its start was cut off; it can't be started again
    |   |   |-- PortTakenError        engine.port_taken     5   409   somebody has a port of the host
    |   |   |-- PortKeptError         engine.port_kept      5   409   the engine keeps a port for nobody
    |   |   `-- NetworkMiscountedError  engine.miscounted    5   409   a network stays, though no container is on it
    |   |-- ImageMissingError         image.missing        5   404   an image is neither here nor to be had
    |   |-- PushError                 image.push           5   502   a registry did not take an image
    |   |-- CommandRefusedError     command.refused    126   400   a container's command can't be executed
    |   `-- CommandNotFoundError    command.not_found  127   404   a container has no such command
    |-- BuildError                    build.failed         6   500   an image could not be made
    |-- NotYetError                   starting             8   503   the application isn't there yet
    |-- ProbeError                    probe.failed         8   503   a service did not become ready
    |   `-- HookError                   hook.failed          8   503   a service's own hook failed
    |-- OperationError                operation.failed     9   500   a plan ended with failed steps
    |   `-- PreconditionError         precondition.failed  9   412   what was asked for may not begin; nothing changed
    |-- RegistryError                 registry.failed     11   502   a registry, or a folder of releases, said no
    |-- StateError                    state.corrupt       12   500   what a box remembers can't be read
    |-- HostError                     host.failed         10   500   a program or file of this host failed
    |   `-- UnsupportedError              unsupported        10   501   this platform can't do it
    |-- AccessError                   access.denied       14   403   who asks may not have it
    |   |-- UnauthenticatedError        access.unknown      14   401   nobody knows who asks
    |   `-- TooManyTriesError           access.limited      14   429   too many wrong tokens from one address
    |-- CancelledError                interrupted        130   499   a person pressed ^C
    `-- BugError                      bug                 70   500   an invariant of Boxship broke

Constructing an error prints nothing. Each is reported once, at the door (``cli/main.py``): one sentence with an
address, then a hint with the next step. Attributes are the fields that ``--json`` prints.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from boxship.names import closest
from boxship.where import Problem


class BoxshipError(Exception):
    """The root: a sentence, and a next step in ``hint``."""

    code: ClassVar[str] = "failed"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "", fields: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields: dict[str, object] = dict(fields or {})


class SpecError(BoxshipError):
    """The vendor's files are wrong; ``problems`` holds all of them, sorted by place, ``warnings`` what is doubtful.

    ``appliance`` is its name where that much could be read: what runs can be stopped whatever the files say.
    """

    code = "spec.invalid"
    exit_status = 2
    http_status = 400

    def __init__(
        self, problems: Sequence[Problem], *, warnings: Sequence[Problem] = (), hint: str = "", appliance: str = ""
    ) -> None:
        self.appliance = appliance
        self.problems = tuple(sorted(problems))
        self.warnings = tuple(warnings)
        super().__init__(
            "\n".join(str(problem) for problem in self.problems),
            hint=hint,
            fields={
                "problems": [problem.as_data() for problem in self.problems],
                "warnings": [warning.as_data() for warning in self.warnings],
            },
        )


class UsageError(BoxshipError):
    """The command line is wrong."""

    code = "usage"
    exit_status = 2
    http_status = 400


class MethodError(UsageError):
    """A path of the API is there, and knows other methods; ``Allow`` lists them."""

    code = "request.method"
    http_status = 405


class SlowBodyError(UsageError):
    """A request's body did not come in time."""

    code = "request.slow"
    http_status = 408


class TooLargeError(UsageError):
    """A request's body is longer than any that has a meaning."""

    code = "request.too_large"
    http_status = 413


class MediaTypeError(UsageError):
    """A request's body is not said to be JSON. Also keeps forms of other sites' pages out."""

    code = "request.media_type"
    http_status = 415


class NotFoundError(BoxshipError):
    """A service, target or file that isn't there."""

    code = "not_found"
    exit_status = 3
    http_status = 404


def unknown_name(kind: str, name: str, appliance: str, known: Iterable[str]) -> NotFoundError:
    """The error for a service or target that the files don't have, with what was probably meant."""
    names = list(known)
    near = closest(name, names)
    hint = f"did you mean '{near}'?" if near else f"its {kind}s: {', '.join(names) or 'none'}"
    return NotFoundError(f"no {kind} '{name}' in {appliance}", hint=hint)


class ConflictError(BoxshipError):
    """Somebody else holds what is needed."""

    code = "busy"
    exit_status = 4
    http_status = 409


class EngineError(BoxshipError):
    """The container engine refused a call; ``status`` is its HTTP status, 0 when there was none."""

    code = "engine.failed"
    exit_status = 5
    http_status = 502

    def __init__(self, message: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint, fields={"status": status} if status else {})
        self.status = status


class EngineUnreachableError(EngineError):
    """Nobody answers on the engine's socket, or the connection broke midway."""

    code = "engine.unreachable"


class EngineTimeoutError(EngineError):
    """The engine took longer than the deadline of the call. The call may still take effect."""

    code = "engine.timeout"
    http_status = 504


class EngineNotFoundError(EngineError):
    """The engine has no such container, image, network or volume."""

    code = "engine.not_found"
    http_status = 404


class EngineConflictError(EngineError):
    """A name, a port or an address is taken, or the thing is in use."""

    code = "engine.conflict"
    http_status = 409


class HalfStartedError(EngineConflictError):
    """The engine died while it started a container, and can never start that container again."""

    code = "engine.half_started"


class PortTakenError(EngineConflictError):
    """Somebody has a port of the host: ``port``, 0 when the engine doesn't say which.

    ``is_booked``: by the engine's own books; otherwise the kernel says so.
    """

    code = "engine.port_taken"

    def __init__(
        self, message: str, *, hint: str = "", status: int = 0, port: int = 0, is_booked: bool = False
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.port = port
        self.is_booked = is_booked


class PortKeptError(EngineConflictError):
    """The engine keeps a port of the host for nobody, until it is started again."""

    code = "engine.port_kept"


class NetworkMiscountedError(EngineConflictError):
    """The engine won't remove a network, as it believes that containers are on it; but none is."""

    code = "engine.miscounted"


class ImageMissingError(EngineError):
    """An image is not on this machine and could not be pulled.

    ``reason`` is why, as the registry or the engine says it; ``is_transient``: trying again may help.
    """

    code = "image.missing"
    http_status = 404

    def __init__(
        self, message: str, *, hint: str = "", status: int = 0, reason: str = "", is_transient: bool = False
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.reason = reason
        self.is_transient = is_transient


class PushError(EngineError):
    """A registry did not take an image; ``reason`` and ``is_transient`` as for a missing one."""

    code = "image.push"

    def __init__(
        self, message: str, *, hint: str = "", status: int = 0, reason: str = "", is_transient: bool = False
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.reason = reason
        self.is_transient = is_transient


class CommandRefusedError(EngineError):
    """What was to be run inside a container is there and can't be executed; the status is a shell's."""

    code = "command.refused"
    exit_status = 126
    http_status = 400


class CommandNotFoundError(EngineError):
    """What was to be run inside a container isn't there; the status is a shell's."""

    code = "command.not_found"
    exit_status = 127
    http_status = 404


class BuildError(BoxshipError):
    """An image could not be made; ``output`` is the tail of what the builder printed."""

    code = "build.failed"
    exit_status = 6

    def __init__(self, message: str, *, hint: str = "", image: str = "", output: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, fields={"image": image, "output": list(output)})
        self.image = image
        self.output = tuple(output)


class NotYetError(BoxshipError):
    """Somebody asked for the application of a box, which isn't there yet; ``Retry-After`` says when to ask again."""

    code = "starting"
    exit_status = 8
    http_status = 503


class ProbeError(BoxshipError):
    """A service did not become ready; ``last`` is what its probe last got, ``logs`` its last lines."""

    code = "probe.failed"
    exit_status = 8
    http_status = 503

    def __init__(
        self, message: str, *, hint: str = "", service: str = "", last: str = "", logs: Sequence[str] = ()
    ) -> None:
        super().__init__(message, hint=hint, fields={"service": service, "last": last, "logs": list(logs)})
        self.service = service
        self.last = last
        self.logs = tuple(logs)


class HookError(ProbeError):
    """A service's own ``post_start`` or ``pre_stop`` hook failed; ``logs`` are the last lines that it wrote."""

    code = "hook.failed"


class OperationError(BoxshipError):
    """A plan was carried out as far as possible, and some of its steps failed."""

    code = "operation.failed"
    exit_status = 9


class PreconditionError(OperationError):
    """Something speaks against it: ``reasons`` holds all that does, each with what can be done."""

    code = "precondition.failed"
    http_status = 412

    def __init__(self, message: str, *, reasons: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint, fields={"reasons": list(reasons)})
        self.reasons = tuple(reasons)


class RegistryError(BoxshipError):
    """A registry, or a folder with releases, refused or sent something else; ``status`` is its HTTP status, 0 for none.

    ``is_transient``: trying again may help.
    """

    code = "registry.failed"
    exit_status = 11
    http_status = 502

    def __init__(self, message: str, *, hint: str = "", status: int = 0, is_transient: bool = False) -> None:
        super().__init__(message, hint=hint, fields={"status": status} if status else {})
        self.status = status
        self.is_transient = is_transient


class StateError(BoxshipError):
    """What the Loader keeps can't be read, and neither can the copy before."""

    code = "state.corrupt"
    exit_status = 12


class HostError(BoxshipError):
    """A program or a file of this host failed."""

    code = "host.failed"
    exit_status = 10


class UnsupportedError(HostError):
    """This platform can't do it; the message says why."""

    code = "unsupported"
    http_status = 501


class AccessError(BoxshipError):
    """A token that is known, and has no scope for what was asked."""

    code = "access.denied"
    exit_status = 14
    http_status = 403


class UnauthenticatedError(AccessError):
    """No token, or one that is unknown, expired or revoked: which of them is not told."""

    code = "access.unknown"
    http_status = 401


class TooManyTriesError(AccessError):
    """So many wrong tokens came from one address that none is looked at for ``retry_after_s``."""

    code = "access.limited"
    http_status = 429

    def __init__(self, message: str, *, retry_after_s: int, hint: str = "") -> None:
        super().__init__(message, hint=hint, fields={"retry_after_s": retry_after_s})
        self.retry_after_s = retry_after_s


class CancelledError(BoxshipError):
    """A person pressed ^C (or sent SIGTERM)."""

    code = "interrupted"
    exit_status = 130
    http_status = 499


def revived(code: str, message: str, hint: str = "", fields: Mapping[str, object] | None = None) -> BoxshipError:
    """An error that another program reported by its code, as one of here; a plain one for a code that isn't known."""
    found = next((each for each in _family(BoxshipError) if each.code == code), BoxshipError)
    error = found.__new__(found)
    # Not the class's own way to be made: what it would make the message from isn't here.
    BoxshipError.__init__(error, message, hint=hint, fields=fields)
    return error


def _family(root: type[BoxshipError]) -> Iterable[type[BoxshipError]]:
    """The tree above; what a room has for itself alone looks like its parent from outside."""
    yield root
    for each in root.__subclasses__():
        if not each.__name__.startswith("_"):
            yield from _family(each)


class BugError(BoxshipError):
    """An invariant of Boxship broke."""

    code = "bug"
    exit_status = 70
