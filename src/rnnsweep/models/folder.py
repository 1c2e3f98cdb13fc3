"""A model as a folder: weights as safetensors, everything else as JSON, and nothing that could run.

``model.json`` (network, cutting, labels, where it comes from), ``vocabulary.json``, ``weights.safetensors``,
``card.md``. MLflow wraps such a folder in one of its own; both are read here, without MLflow and without
running what lies in them.
"""

import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from rnnsweep.data.config import CUTS
from rnnsweep.data.tokens import KINDS, RULES, Tokeniser
from rnnsweep.errors import UserError
from rnnsweep.json_text import parse_json
from rnnsweep.models.text_model import Scale, TextModel
from rnnsweep.networks import Network, parameter_count
from rnnsweep.networks.config import ModelConfig

FORMAT = 1
FACTS, WORDS, WEIGHTS, CARD = "model.json", "vocabulary.json", "weights.safetensors", "card.md"
INSIDE = "artifacts/model"  # of MLflow's folder
CODE = Path(__file__).with_name("mlflow_code.py")  # the one file of code that MLflow's folder holds
HARMLESS = (".json", ".safetensors", ".md", ".yaml", ".yml", ".txt")
MLFLOWS = ("MLmodel", "registered_model_meta")  # YAML that MLflow adds and nobody here reads
LARGEST_JSON = 256 << 20  # bytes
LARGEST_HEADER = 1 << 20  # bytes of the list of tensors; a network has a few dozen
LARGEST_SIZE = 10_000_000  # of any one number of a network's settings
MOST_LAYERS = 1000
T = TypeVar("T")


def write_model(model: TextModel, folder: Path, *, card: str = "") -> Path:
    """Write a model into a new folder.

    Raises:
        OSError: the folder is there already or cannot be written.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    weights = {name: value.contiguous() for name, value in model.network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    content = {
        "format": FORMAT,
        "network": asdict(model.network.config),
        "cutting": asdict(model.cutting),
        "labels": list(model.labels),
        **({"numbers": asdict(model.scale)} if model.scale else {}),
        "facts": dict(model.facts),
    }
    (folder / FACTS).write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / WORDS).write_text(json.dumps(list(model.vocabulary), ensure_ascii=False), encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")
    return folder


def read_model(folder: Path) -> TextModel:
    """Read a model from its own folder or from MLflow's around it. Nothing in the folder is run.

    Raises:
        UserError: there is none, it holds something else than a model of ours does, or it is damaged.
    """
    refuse_foreign(folder)
    inner = folder / INSIDE if (folder / INSIDE / FACTS).is_file() else folder
    if not (inner / FACTS).is_file():
        raise UserError(f"model {folder}: has no {FACTS}; it was not written by rnnsweep")
    content = _read_json(inner / FACTS, dict)
    if content.get("format") != FORMAT:
        raise UserError(f"{inner / FACTS}: format {content.get('format')!r} is not {FORMAT}; update rnnsweep")
    config = _typed(ModelConfig, content.get("network"), inner / FACTS, "network")
    cutting = _read_cutting(content.get("cutting"), inner / FACTS)
    scale = _read_scale(content.get("numbers"), inner / FACTS)
    labels = _texts(content.get("labels"), inner / FACTS, "labels", least=0 if scale else 2)
    outputs = 1 if scale else len(labels)
    words = _texts(_read_json(inner / WORDS, list), inner / WORDS, "words", least=2)
    network = _read_network(inner / WEIGHTS, config, vocabulary=len(words), classes=outputs)
    facts = content.get("facts")
    return TextModel(network, words, labels, cutting, facts if isinstance(facts, dict) else {}, scale)


def _read_scale(values: Any, path: Path) -> Scale | None:
    """Read what turns outputs into numbers; None in a model of classes."""
    if values is None:
        return None
    scale = _typed(Scale, values, path, "numbers")
    if not scale.scale > 0:
        raise UserError(f"{path}: numbers.scale={scale.scale}: must be above 0")
    return scale


def _read_cutting(values: Any, path: Path) -> Tokeniser:
    cutting = _typed(Tokeniser, values, path, "cutting")
    for key, known in (("tokens", KINDS), ("cut", CUTS), ("rules", range(1, RULES + 1))):
        value = getattr(cutting, key)
        if value not in known:
            raise UserError(f"{path}: cutting.{key}={value!r} is not one of {', '.join(map(str, known))}")
    try:
        cutting.pieces("a")
    except UserError:
        raise
    except Exception as error:  # the tokenizers' library raises Exception itself
        raise UserError(f"{path}: cutting.subwords is no model of subwords ({str(error)[:80]})") from error
    return cutting


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder with a link, a pickle or code that is not ours in it, whoever would read it.

    Raises:
        UserError: naming the file.
    """
    if not folder.is_dir():
        raise UserError(f"model {folder}: no such folder")
    for path in sorted(folder.rglob("*")):
        kind = path.lstat().st_mode
        name = path.relative_to(folder)
        if stat.S_ISDIR(kind):
            continue
        if not stat.S_ISREG(kind):
            raise UserError(f"model {folder}: {name} is a link or a device; a model has plain files only")
        if path.name == CODE.name:
            _refuse_other_code(path, folder)
        elif path.suffix.lower() not in HARMLESS and path.name not in MLFLOWS:
            raise UserError(
                f"model {folder}: {name} is no part of a model of rnnsweep; pickles and code are never loaded"
            )


def _refuse_other_code(path: Path, folder: Path) -> None:
    if path.stat().st_size > 100_000 or path.read_bytes() != CODE.read_bytes():
        raise UserError(
            f"model {folder}: {path.relative_to(folder)} is not this rnnsweep's own code; it was not run"
        )


def _read_json(path: Path, kind: type[T]) -> T:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise UserError(f"{path}: is larger than {LARGEST_JSON >> 20} MB")
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is not JSON ({type(error).__name__})") from error
    if not isinstance(content, kind):
        raise UserError(f"{path}: must hold a JSON {'object' if kind is dict else 'list'}")
    return content


def _texts(value: Any, path: Path, what: str, *, least: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UserError(f"{path}: the {what} must be a list of texts")
    if len(value) < least or len(set(value)) != len(value):
        raise UserError(f"{path}: the {what} must be {least} or more, each once")
    return tuple(value)


def _typed(kind: type[T], values: Any, path: Path, what: str) -> T:
    """Make a settings class of JSON: every key known, every value of its type and of a sane size."""
    hints = get_type_hints(kind)
    if not isinstance(values, Mapping) or not set(values) <= set(hints):
        known = ", ".join(field.name for field in fields(kind))  # type: ignore[arg-type]
        raise UserError(f"{path}: {what} must be an object with keys among {known}")
    for key, value in values.items():
        if not _fits(value, hints[key], MOST_LAYERS if key == "num_layers" else LARGEST_SIZE):
            raise UserError(f"{path}: {what}.{key}={str(value)[:40]!r} is of the wrong type or too large")
    try:
        return kind(**values)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _fits(value: Any, hint: Any, most: int) -> bool:
    kinds = get_args(hint) or (hint,)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value) if value is not None else type(None)) in kinds
    if isinstance(value, int):
        return (int in kinds and 0 <= value <= most) or float in kinds
    return isinstance(value, float) and float in kinds and math.isfinite(value)


def _read_network(path: Path, config: ModelConfig, *, vocabulary: int, classes: int) -> Network:
    """Read the weights; before a network is made, the file is seen to be as large as its weights are."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    count = parameter_count(config, vocabulary=vocabulary, classes=classes)
    _refuse_wrong_size(path, count)
    try:
        weights = load_file(path)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path}: is no whole safetensors file ({str(error)[:80]})") from error
    kinds = {value.dtype for value in weights.values()}
    if len(kinds) != 1 or not kinds <= {torch.float32, torch.float64}:
        raise UserError(f"{path}: weights must all be of single or all of double precision")
    network = Network(config, vocabulary=vocabulary, classes=classes).to(kinds.pop())
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: holds a network of another shape than {FACTS} says") from error
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise UserError(f"{path}: some weights are not numbers")
    return network.eval().requires_grad_(False)


def _refuse_wrong_size(path: Path, count: int) -> None:
    try:
        size = os.path.getsize(path)
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if header > min(LARGEST_HEADER, size):
        raise UserError(
            f"{path}: its header of {header:,} bytes is larger than {LARGEST_HEADER:,}, or cut off"
        )
    if size - 8 - header not in (4 * count, 8 * count):
        raise UserError(f"{path}: {size:,} bytes are not those of the {count:,} weights that {FACTS} says")
