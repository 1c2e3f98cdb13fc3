"""Whether a file of texts is one that a model was trained on: answers on such rows flatter the model."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.data.tables import expand_paths, files_digest
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths

if TYPE_CHECKING:
    from rnnsweep.data import EncodedCorpus
    from rnnsweep.models import TextModel

_SO = "answers on rows that it was trained on are better than on new ones"


def training_digests(corpus: "EncodedCorpus") -> tuple[str, ...]:
    """Return the digests of the files of a corpus's training rows: of all together, and of each."""
    together = corpus.files.get("train")
    if together is None:
        return ()
    named = corpus.config.train
    paths = [] if named is None else expand_paths("data.train", named)
    each = [files_digest([path]) for path in paths] if len(paths) > 1 else []
    return tuple(dict.fromkeys([together, *each]))


def say_trained_on(file: str, model: "TextModel") -> str:
    """Return that a model was trained on the rows of a file, by its content, else by its path.

    The facts of a model may come from anybody: what does not fit is left out.
    """
    if file == "-" or not _is_kept(file):
        return ""
    paths = expand_paths("--file", file)
    known = _known_digests(model)
    same = [path for path in paths if known and files_digest([path]) in known]
    if same or (len(paths) > 1 and files_digest(paths) in known):
        which = f" ({same[0].name})" if same and len(paths) > 1 else ""
        return f"{file}{which}: the model was trained on a file with this content (data.train): {_SO}"
    if not {str(path) for path in paths}.isdisjoint(_named_paths(model)):
        return f"{file}: the model's training read a file of this path (data.train): {_SO}"
    return ""


def _is_kept(file: str) -> bool:
    """Return whether a file can be read a second time, as a pipe of the shell cannot."""
    path = Path(file).expanduser()
    return path.is_file() or path.is_dir() or not path.exists()  # the last: a pattern


def _known_digests(model: "TextModel") -> set[str]:
    corpus = model.facts.get("corpus")
    files = corpus.get("files") if isinstance(corpus, dict) else None
    return {each for each in files if isinstance(each, str)} if isinstance(files, list) else set()


def _named_paths(model: "TextModel") -> set[str]:
    """Return the paths that ``data.train`` names, from here and from the project; no pattern is followed."""
    from rnnsweep.config.test_rows import row_settings  # Hydra takes a while, and no help needs it

    overrides = model.facts.get("overrides")
    texts = [each for each in overrides if isinstance(each, str)] if isinstance(overrides, list) else []
    try:
        value = row_settings(texts).get("data.train")
        names = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
        places = [
            folder / Path(name).expanduser() for name in names for folder in (Path(), find_paths().root)
        ]
        return {str(place.parent.resolve() / place.name) for place in places}
    except (UserError, ValueError, RuntimeError):  # no such setting, path or home
        return set()
