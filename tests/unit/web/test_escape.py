"""Text in HTML is written as the standard library writes it."""

import html

from hypothesis import given
from hypothesis import strategies as st

from boxship.web.escape import escape


@given(st.text() | st.text("&<>\"'a;"))
def test_text_is_escaped_as_by_the_standard_library(text: str) -> None:
    assert escape(text) == html.escape(text)
