"""One answer over the corpora of several sweeps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnnsweep import comparison
from rnnsweep.api.comparing.answers import compare, digests
from rnnsweep.api.find_sweep import started, started_names
from rnnsweep.comparison.corpora.blocks import CORPUS_DIGEST, Block, refuse_same_corpus
from rnnsweep.config import RunConfig, compose, recorded_settings
from rnnsweep.errors import UserError
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep


def compare_corpora(
    sweeps: Sequence[str | Path], *, margin: float | None = None
) -> "comparison.CorporaComparison":
    """Rank the architectures that several sweeps share over their corpora.

    Args:
        sweeps: names or files; each of another corpus.
        margin: as in `compare`.

    Raises:
        UserError: as `compare`; fewer than two sweeps, two of one corpus or file, or of several scores.
    """
    places = find_paths()
    names = started_names(sweeps, places)
    blocks = [_block(name, places) for name in names]
    refuse_same_corpus(blocks)  # each comparison takes seconds
    refuse_same_corpus([replace(one, texts=_texts(one.sweep, places)) for one in blocks])

    ranking = comparison.compare_corpora([compare(sweep, margin=margin) for sweep in sweeps])
    report = places.mlruns / "comparisons" / f"{'+'.join(ranking.sweeps)}.html"
    return replace(ranking, report=comparison.write_corpora_report(ranking, report))


def _block(name: str, places: ProjectPaths) -> Block:
    """Return what is known of a sweep's corpus without reading it, or any run."""
    asked, folder = started(name, places), SweepFolder.of(places.mlruns, name)
    digest = digests(folder).get(CORPUS_DIGEST)
    if asked is None:
        return Block(name, digest, ())
    runs = _runs(asked, folder)
    named = (each for run in runs for each in (run.data.train, run.data.validation, run.data.test) if each)
    paths = (path for each in named for path in ([each] if isinstance(each, str) else each))
    files = {str(Path(path).expanduser().resolve()) for path in paths}
    files |= {str(digest) for digest in (folder.start() or {}).get("files", [])}
    return Block(name, digest, asked.architectures, frozenset(files), runs[0].score.title)


def _runs(asked: Sweep, folder: SweepFolder) -> list[RunConfig]:
    conf = folder.conf if folder.conf.is_dir() else None
    with recorded_settings():
        return [compose(asked.chosen(one), conf=conf) for one in asked.architectures]


def _texts(name: str, places: ProjectPaths) -> frozenset[str]:
    """Return the texts of a sweep's rows; none where its corpus is not on this machine any more."""
    from rnnsweep.data import PARTS, prepare  # NumPy and the corpora are imported where used

    asked = started(name, places)
    if asked is None:
        return frozenset()
    try:
        corpora = [prepare(run.data) for run in _runs(asked, SweepFolder.of(places.mlruns, name))]
    except UserError:
        return frozenset()
    different = {corpus.digest: corpus for corpus in corpora}.values()
    return frozenset(text for corpus in different for part in PARTS for text in corpus.texts(part) if text)
