"""``python -m boxship.cli``: the same as the ``boxship`` command."""

from boxship.cli.entry import entry

entry()
