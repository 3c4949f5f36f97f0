"""What ends a whole run. What ends one command is a ``Failure`` and stands in the table."""


class BenchError(Exception):
    """One sentence for the person who runs it."""
