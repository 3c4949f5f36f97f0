"""What a visitor is told instead of a page."""

from dataclasses import dataclass


@dataclass(eq=False)
class RefusalError(Exception):
    """Ends a request with a page of one heading and one sentence; ``location`` sends the visitor there instead."""

    status: int
    title: str
    text: str
    location: str = ""

    @classmethod
    def login(cls, location: str = "/login") -> "RefusalError":
        return cls(401, "Please log in", "This page is for people with an account.", location)

    @classmethod
    def no_file(cls) -> "RefusalError":
        return cls(404, "Nothing here", "This file doesn't exist (any more), or it isn't yours.")

    @classmethod
    def no_link(cls) -> "RefusalError":
        return cls(404, "This link doesn't work", "It was revoked, has expired, or wasn't copied completely.")
