"""One answer over the corpora of several sweeps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnnsweep import comparison
from rnnsweep.api.comparing.answers import compare, digests
from rnnsweep.api.find_sweep import started, started_names
from rnnsweep.comparison.corpora.blocks import CORPUS_DIGEST, Block, refuse_same_corpus
from rnnsweep.config import compose, recorded_settings
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.state.folder import SweepFolder


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
    refuse_same_corpus([_block(name, places) for name in names])  # each comparison takes seconds

    ranking = comparison.compare_corpora([compare(sweep, margin=margin) for sweep in sweeps])
    report = places.mlruns / "comparisons" / f"{'+'.join(ranking.sweeps)}.html"
    return replace(ranking, report=comparison.write_corpora_report(ranking, report))


def _block(name: str, places: ProjectPaths) -> Block:
    """Return what is known of a sweep's corpus without reading it, or any run."""
    asked, folder = started(name, places), SweepFolder.of(places.mlruns, name)
    digest = digests(folder).get(CORPUS_DIGEST)
    if asked is None:
        return Block(name, digest, ())
    conf = folder.conf if folder.conf.is_dir() else None
    with recorded_settings():
        runs = [compose(asked.chosen(one), conf=conf) for one in asked.architectures]
    named = (each for run in runs for each in (run.data.train, run.data.validation, run.data.test) if each)
    paths = (path for each in named for path in ([each] if isinstance(each, str) else each))
    files = {str(Path(path).expanduser().resolve()) for path in paths}
    files |= {str(digest) for digest in (folder.start() or {}).get("files", [])}
    return Block(name, digest, asked.architectures, frozenset(files), runs[0].score.title)
