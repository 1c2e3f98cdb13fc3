"""Typed values of files: each mistake names the file, the key, the value and what would be right."""

from typing import Annotated, Any

import pytest
from hypothesis import given, strategies as st
from pydantic import AfterValidator, TypeAdapter, ValidationError

from rnnsweep import options
from rnnsweep.errors import UserError
from rnnsweep.options import Section, fault, one_of, read_as


def refuse_seven(value: int) -> int:
    if value == 7:
        raise fault("is out of order")
    return value


class Inner(Section):
    low: options.Number
    kind: one_of("linear", "log") = "linear"  # type: ignore[valid-type]


class Whole(Section):
    trials: Annotated[options.Count, AfterValidator(refuse_seven)] = 1
    names: list[options.Text] = []
    inner: dict[str, Inner] = {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1], "[1]: must be a mapping (key: value)"),
        ({"trails": 2}, "unknown key 'trails': known are trials, names, inner. Did you mean 'trials'?"),
        ({"{a}": 2}, "unknown key '{a}': known are trials, names, inner."),
        ({1: 2}, "1: 1: must be a key that is text"),
        ({"trials": 0}, "trials: 0: must be an integer, 1 or more"),
        ({"trials": 7}, "trials: is out of order"),
        ({"names": ["a", 1]}, "names.entry: 1: must be text"),
        ({"names": [" "]}, "names.entry: ' ': must be text"),
        ({"inner": {"x": {}}}, "inner.x: `low:` is missing"),
        ({"inner": {1: {}}}, "inner.1: 1: must be a key that is text"),
        ({"inner": {"x": {"low": float("inf")}}}, "inner.x.low: inf: must be a finite number"),
        ({"inner": {"x": {"low": 1, "lowe": 1}}}, "unknown key 'lowe' in inner.x: known are low, kind. Did"),
        (
            {"inner": {"x": {"low": 1, "kind": "lgo"}}},
            "inner.x.kind: 'lgo' is not one of linear, log. Did you mean 'log'?",
        ),
    ],
)
def test_a_mistake_is_one_line_with_file_key_value_and_what_is_right(values, message):
    with pytest.raises(UserError) as caught:
        read_as(Whole, values, place="q.yaml")
    assert str(caught.value).startswith(f"q.yaml: {message}")
    assert len(str(caught.value).splitlines()) == 1


ACCEPTS: dict[str, Any] = {
    "Integer": lambda v: is_integer(v),
    "Natural": lambda v: is_integer(v) and v >= 0,
    "Count": lambda v: is_integer(v) and v >= 1,
    "AtLeastTwo": lambda v: is_integer(v) and v >= 2,
    "Number": lambda v: is_number(v),
    "Positive": lambda v: is_number(v) and v > 0,
    "NotNegative": lambda v: is_number(v) and v >= 0,
    "Percentage": lambda v: is_number(v) and 0 <= v <= 100,
    "Flag": lambda v: isinstance(v, bool),
    "Text": lambda v: isinstance(v, str) and bool(v.strip()),
}
VALUES = st.one_of(
    st.integers(),
    st.integers(-2, 3),
    st.floats(),
    st.booleans(),
    st.text(),
    st.none(),
    st.lists(st.integers()),
)


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


@pytest.mark.parametrize("name", ACCEPTS)
@given(value=VALUES)
def test_a_type_accepts_its_values_unchanged_and_no_others(name, value):
    adapter: TypeAdapter[Any] = TypeAdapter(getattr(options, name))
    if ACCEPTS[name](value):
        numbers = name in ("Number", "Positive", "NotNegative", "Percentage")
        assert adapter.validate_python(value) == (float(value) if numbers else value)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_the_json_schema_has_bounds_and_words_for_editors():
    schema = Whole.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["properties"]["trials"]["minimum"] == 1
    assert schema["$defs"]["Inner"]["properties"]["kind"]["enum"] == ["linear", "log"]
