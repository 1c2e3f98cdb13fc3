"""A model of subwords from somebody else, as a model folder has one, in Hugging Face's tokenizers.

Its JSON can ask for more than subwords: padding of each text to a thousand million tokens, expressions that
are matched without end. What it says of those is left out or refused. The library is written in Rust, where
what does not fit ends in a panic, which is no `Exception` in Python.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from rnnsweep.errors import UserError
from rnnsweep.json_text import parse_json

T = TypeVar("T")

OURS = {"normalizer": "Lowercase", "pre_tokenizer": "Metaspace"}
LEFT_OUT = ("padding", "truncation", "post_processor", "decoder")


def load_subwords(library: Any, text: str) -> Callable[[str], list[str]]:
    """Return what cuts a text into the subwords of a model.

    Args:
        library: `tokenizers`.
        text: the model, as `Tokenizer.to_str` wrote it.

    Raises:
        ValueError: it is none, or cuts otherwise than what is trained here.
    """
    made = _without_panic(lambda: library.Tokenizer.from_str(_subwords_alone(text)))
    return lambda piece: _without_panic(lambda: list(made.encode(piece).tokens))


def _subwords_alone(text: str) -> str:
    values = parse_json(text)
    if not isinstance(values, dict):
        raise ValueError("must be a JSON object")
    for name, kind in OURS.items():
        value = values.get(name)
        if not isinstance(value, dict) or value.get("type") != kind:
            raise ValueError(f"{name} must be {kind}")
    return json.dumps({**values, **dict.fromkeys(LEFT_OUT)})


def _without_panic(call: Callable[[], T]) -> T:
    try:
        return call()
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise UserError(f"cutting.subwords: its parts do not fit ({str(error)[:80]})") from None
