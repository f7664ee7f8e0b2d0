import pytest

from st.nn.faults import DescriptionError, Fault, shown, shown_path

FAULT = Fault(("model", 1, "out_features"), "a whole number", '"three"', line=7, column=3)


def test_single_fault_is_one_line_with_file_and_line() -> None:
    error = DescriptionError("a.toml", [FAULT])

    assert str(error) == (
        'a.toml:7: model 2 → out_features: expected a whole number, given "three"'
    )


def test_several_faults_are_told_in_one_report() -> None:
    swish = Fault(("model", 2, "type"), "a module", '"swish"', "silu", "pip install x", 8)

    assert str(DescriptionError("a.toml", [FAULT, swish])).splitlines() == [
        "a.toml: 2 faults, nothing was started",
        "  line 7, model 2 → out_features",
        "    expected  a whole number",
        '    given     "three"',
        "  line 8, model 3 → type",
        "    expected  a module",
        '    given     "swish"',
        "    nearest   silu",
        "    install   pip install x",
    ]


def test_fault_without_a_file_has_no_line() -> None:
    error = DescriptionError("pipeline 'm'", [Fault(("seed",), "a number", "nothing", "x", "y")])

    assert str(error) == (
        "pipeline 'm': seed: expected a number, given nothing; nearest: x; install it with: y"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("three", '"three"', id="text"),
        pytest.param(True, "true", id="truth value"),
        pytest.param([1, "a"], '[1, "a"]', id="list"),
        pytest.param("\x1b[31m\x9b", '"\\u001b[31m\\x9b"', id="control characters"),
        pytest.param("größe", '"größe"', id="letters of any language"),
        pytest.param("x" * 99, '"' + "x" * 58 + "…", id="too long"),
    ],
)
def test_value_is_shown_short_and_printable(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_value_nested_without_end_is_shown_by_its_kind() -> None:
    nested: list[object] = []
    nested.append(nested)

    assert shown(nested) == "a list"


def test_key_that_could_mislead_is_shown_quoted() -> None:
    assert shown_path(("model", 0, "a\nb c")) == 'model 1 → "a\\nb c"'
    assert shown_path(()) == "the description"
