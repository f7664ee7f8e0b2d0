"""Markup that cannot be broken out of."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.views.html import Markup, element, join, text, visible

HOSTILE = st.text(
    st.sampled_from("<>&\"'/=`-! \n\t\x00\x1b\x85\u202e\ud800aé😀") | st.characters(), max_size=40
)


class Reader(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(HOSTILE)
def test_text_is_read_back_as_text(value: str) -> None:
    page = Reader(element("p", value))

    assert page.tags == ["p"]
    assert page.text == visible(value)


@given(HOSTILE)
def test_attribute_is_read_back_as_one_attribute(value: str) -> None:
    page = Reader(element("img", alt=value))

    assert page.attributes == [("alt", visible(value))]


@given(HOSTILE)
def test_every_page_can_be_written_as_utf8(value: str) -> None:
    assert element("p", value, title=value).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\x00b", "a␀b"),
        ("\x7f", "␡"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("\ud800", "\ufffd"),
        ("two\nlines\tand tab", "two\nlines\tand tab"),
    ],
    ids=["terminal escape", "null", "delete", "right to left", "surrogate", "harmless"],
)
def test_character_that_must_not_reach_a_page_is_replaced(value: str, expected: str) -> None:
    assert visible(value) == expected


def test_markup_is_inserted_as_it_is() -> None:
    assert element("p", element("b", "x"), Markup("<br>")) == "<p><b>x</b><br></p>"


def test_joined_parts_are_escaped_one_by_one() -> None:
    assert join([Markup("<br>"), "<br>", 3]) == "<br>&lt;br&gt;3"


def test_nothing_is_written_for_none_and_false() -> None:
    assert element("p", None, class_=None, hidden=False, inert=True) == "<p inert></p>"


def test_text_of_markup_is_the_markup() -> None:
    assert text(Markup("<br>")) == "<br>"
