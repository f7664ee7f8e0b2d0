import io
import json

import numpy as np
import pytest
from rich.console import Console

from st.nn.commands.terminal import bar, has_colour, side_by_side
from st.nn.commands.text import columns, print_json

IMAGE = np.array([[0, 1], [0.5, 0]], np.float32)


def test_without_colour_a_pixel_is_two_characters() -> None:
    lines = [line.plain for line in side_by_side([IMAGE], ["8→1"], in_colour=False)]

    assert lines == ["     @@", "   ++", "   8→1"]


def test_in_colour_a_character_is_two_pixels() -> None:
    picture, caption = side_by_side([IMAGE], ["8→1"], in_colour=True)

    assert picture.plain.strip() == "▀▀"
    left, right = (span.style for span in picture.spans if "#" in str(span.style))
    assert str(left) == "#000000 on #808080"
    assert str(right) == "#ffffff on #000000"
    assert caption.plain == "   8→1"


def test_odd_number_of_rows_ends_in_the_dark() -> None:
    *_, last, _ = side_by_side([np.ones((3, 1), np.float32)], [""], in_colour=True)

    assert [str(span.style) for span in last.spans] == ["#ffffff on #000000"]


def test_images_stand_side_by_side_above_their_captions() -> None:
    images = [IMAGE, IMAGE.T]

    lines = [line.plain for line in side_by_side(images, ["a", "bcd"], in_colour=False)]

    assert lines == ["     @@     ++", "   ++     @@", "   a      bcd"]


def test_no_images_are_no_lines() -> None:
    assert side_by_side([], [], in_colour=False) == []


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [
        pytest.param({"TERM": "xterm-256color"}, True, True, id="terminal"),
        pytest.param({"TERM": "xterm-256color", "NO_COLOR": "1"}, True, False, id="no colour"),
        pytest.param({"TERM": "xterm-256color"}, False, False, id="pipe"),
        pytest.param({"TERM": "dumb"}, True, False, id="dumb terminal"),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    environment: dict[str, str], is_terminal: bool, expected: bool
) -> None:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, _environ=environment)

    assert has_colour(console) is expected


@pytest.mark.parametrize(("share", "expected"), [(0, "    "), (0.5, "━━  "), (1, "━━━━")])
def test_bar_is_filled_to_its_share(share: float, expected: str) -> None:
    assert bar(share, 4) == expected


def test_columns_are_aligned() -> None:
    assert columns([("a", "bb"), ("ccc", "")]) == ["a    bb", "ccc"]


def test_json_is_printed_readably(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"größe": [1]})

    printed = capsys.readouterr().out
    assert "größe" in printed
    assert json.loads(printed) == {"größe": [1]}
