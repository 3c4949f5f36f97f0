import pytest

from boxship.engine.exchange import Exchanges
from boxship.engine.fields import read_list, read_object
from boxship.engine.message import NotHttpError, Request
from boxship.errors import EngineError


def test_headers_without_end_are_told_as_that() -> None:
    exchanges = Exchanges()
    exchanges.begin(Request("GET", "/_ping"))
    reading = exchanges.head()
    next(reading)
    reading.send(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(NotHttpError, match=r"^its headers don't end$"):
        reading.send(b"X-Padding: " + b"x" * 100_000)


def test_an_answer_of_another_shape_is_told_without_a_name_that_it_has_not() -> None:
    with pytest.raises(EngineError, match="makes no sense: it is not a list"):
        read_list(b"{}", "list containers")
    with pytest.raises(EngineError, match="makes no sense: an item is not an object"):
        read_list(b"[5]", "list containers")
    with pytest.raises(EngineError, match="makes no sense: it is not an object"):
        read_object(b"[]", "inspect web")
