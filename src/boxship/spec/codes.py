"""The kinds of problems: a stable name for each, by which editors and CI filter and ``x-boxship`` allows."""

from collections.abc import Mapping
from typing import Literal

ErrorCode = Literal[
    "conflicting-keys",
    "cycle",
    "duplicate-key",
    "empty-value",
    "inactive-dependency",
    "invalid-value",
    "invalid-yaml",
    "missing-key",
    "name-clash",
    "old-format",
    "port-clash",
    "required-variable",
    "unknown-key",
    "unknown-name",
    "unreadable-file",
    "unsupported-key",
    "wrong-form",
]

WarningCode = Literal[
    "crane",
    "doubtful",
    "engine-socket",
    "host-path",
    "no-healthcheck",
    "no-shell",
    "plain-secret",
    "port-clash",
    "privileged",
    "shared-volume",
    "unhonoured-key",
    "unknown-code",
    "unset-secret",
    "unset-variable",
    "untagged-image",
]

Code = ErrorCode | WarningCode

ERRORS: Mapping[ErrorCode, str] = {
    "conflicting-keys": "two keys that exclude each other are given",
    "cycle": "services, or bases, need each other in a circle",
    "duplicate-key": "a key is given twice in one mapping",
    "empty-value": "a value that must not be empty is",
    "inactive-dependency": "a service needs one whose profile isn't active",
    "invalid-value": "a value isn't one of those that its key takes",
    "invalid-yaml": "the file isn't YAML, or not of the kind that is read",
    "missing-key": "a key that must be given isn't",
    "name-clash": "two services have one container name",
    "old-format": "a file of the Compose format's version 1; `--lax` reads it as today's format would say it",
    "port-clash": "two services want one port of the host",
    "required-variable": "a variable that must be set (`${NAME:?}`) isn't",
    "unknown-key": "a key that doesn't exist",
    "unknown-name": "a service, network, volume, target or base that nobody declared",
    "unreadable-file": "a file isn't there or can't be read",
    "unsupported-key": "a key of the format that Boxship doesn't obey yet",
    "wrong-form": "a value has another form than its key takes: text, number, list, mapping",
}

WARNINGS: Mapping[WarningCode, str] = {
    "crane": "something of a crane file is left out, or read otherwise than crane did",
    "doubtful": "anything else that is allowed and probably not meant",
    "engine-socket": "a container gets the engine's socket, and with it the machine: a box refuses it unless allowed",
    "host-path": "a bind mount shows a directory outside the appliance, which another machine doesn't have",
    "no-healthcheck": "a service is waited for until it is healthy, and nothing says what healthy is",
    "no-shell": "a command holds shell operators that no shell reads",
    "plain-secret": "a password, secret or token is written in the file for everybody to read",
    "port-clash": "without an appliance.yaml: two services want one port of the host",
    "privileged": "a container may do to the machine whatever root may",
    "shared-volume": "several services write one volume",
    "unhonoured-key": "a key of the format that has no effect here: another kind of engine would obey it",
    "unknown-code": "`x-boxship` allows something that is no code",
    "unset-secret": "a secret comes from a variable that isn't set",
    "unset-variable": "a variable isn't set, and is therefore empty where it is used",
    "untagged-image": "an image has no version, or `latest`: the next machine may run something else",
}

ALLOWABLE: frozenset[str] = frozenset(WARNINGS)
"""What ``x-boxship: {allow: [...]}`` may name."""
