"""What a sweep found: records, standings, the winner."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep import comparison
from rnnsweep.api.comparing.store import await_store, keep_answer
from rnnsweep.api.find_sweep import refuse_without_runs, started, started_name, store_of
from rnnsweep.api.results import BestResult
from rnnsweep.comparison.trials import OBJECTIVE, score_of, turned_runs
from rnnsweep.errors import UserError, nearest
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import note_look, read_looks, write_advice
from rnnsweep.state.tasks import count_repeated
from rnnsweep.tracking.read import runs as recorded
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    import pandas as pd

    from rnnsweep.sweepfile import Sweep
    from rnnsweep.tracking.read.row import RunRow
    from rnnsweep.tracking.store.lost import LostRuns

UNKNOWN = "unknown"  # what an architecture was trained with at a look that did not note it
LOSSES = ("validation/loss", "train/loss")


def runs(sweep: str | Path | None = None, *, uri: str | None = None) -> "pd.DataFrame":
    """Return one row for each run of a sweep, or of the whole store where none is named.

    Raises:
        UserError: there is no such sweep, or the store does not answer.
    """
    places = find_paths()
    if sweep is None:
        return recorded.runs(places.mlruns, None, uri=uri)
    name = started_name(sweep)
    return recorded.runs(places.mlruns, name, uri=uri or store_of(name, places))


def curves(sweep: str | Path, keys: Sequence[str] | None = None, *, uri: str | None = None) -> "pd.DataFrame":
    """Return the learning curves of a sweep as ``run_id, key, step, epoch, value``.

    Args:
        sweep: its name or its file.
        keys: metrics; None takes the score that decides, on the validation part, and the losses.
        uri: the store, as setting `tracking.uri`.

    Raises:
        UserError: there is no such sweep, or the store does not answer.
    """
    places, name = find_paths(), started_name(sweep)
    uri = uri or store_of(name, places)
    if keys is None:
        keys = (f"validation/{score_of(runs(name, uri=uri)).name}", *LOSSES)
    return recorded.curves(places.mlruns, name, keys, uri=uri)


def compare(
    sweep: str | Path,
    *,
    margin: float | None = None,
    uri: str | None = None,
    tell: Callable[[str], object] | None = None,
    answered: "Callable[[comparison.Comparison], object] | None" = None,
) -> "comparison.Comparison":
    """Compare the architectures of a sweep, write the report and keep it on the sweep's run.

    Args:
        sweep: its name or its file.
        margin: smallest difference of test scores that matters, in the score's unit, as 0.002 of accuracy.
        uri: the store, as setting `tracking.uri`.
        tell: called with each thing that is done, as it begins.
        answered: called with the comparison before its report is written and kept.

    Returns:
        standings, verdicts and the next command; `repr` is short, and a notebook shows it as a page.

    Raises:
        UserError: there is no such sweep, it has no runs yet, or the store does not answer.
    """
    places, name = find_paths(), started_name(sweep)  # before the imports, which take seconds
    say, folder = tell or (lambda words: None), SweepFolder.of(places.mlruns, name)
    lost = refuse_without_runs(folder, places, uri=uri)
    say(f"reading the runs of {name}")

    from rnnsweep.comparison.rows_of_test_part import TestRows, predictions_of, read_test_rows
    from rnnsweep.search.importance import study_importances
    from rnnsweep.state.siblings import further_studies

    uri = uri or store_of(name, places)
    behind = await_store(folder, places.mlruns, uri, say)
    rows = recorded.run_rows(places.mlruns, name, uri=uri)
    table = recorded.as_table(rows)
    predictions = predictions_of(table, folder)
    test_rows = read_test_rows(table, folder, predictions) if predictions else TestRows()
    asked = started(name, places)
    plan = plan_of(folder, asked)
    plan = replace(plan, finished=plan.finished and not behind)
    importances, method = study_importances(folder, asked) if asked else ({}, "")
    say("comparing them")
    compared = comparison.compare_records(
        table,
        curves(name, (f"validation/{score_of(table).name}",), uri=uri),
        sweep=asked or name,
        importances=importances,
        importance_method=method,
        margin=margin,
        facts={**digests(folder), **_origin(rows)},
        predictions=predictions,
        labels=test_rows.labels,
        data=test_rows.data,
        texts=test_rows.texts,
        groups=test_rows.groups_N,
        large=test_rows.large,
        trained=test_rows.trained_N,
        test_share=test_rows.share,
        validation=test_rows.validation,
        cut=test_rows.cut,
        rows_known=test_rows.are_known,
        test_reads=folder.count_test_reads(),
        plan=plan,
        on=folder.machine(),
        behind=behind,
        stopped=stops_of(folder),
        studies=[runs(one, uri=uri) for one in further_studies(places.mlruns, name)],
    )
    if plan.finished:
        seen = [standing for standing in compared.standings if standing.replicates]
        note_look(
            folder,
            {standing.architecture: [one.seed for one in standing.replicates] for standing in seen},
            {standing.architecture: standing.configuration for standing in seen},
            plan.sizes,
        )
        write_advice(folder, compared.next, compared.aim)
    report = folder.report
    compared = replace(compared, report=report, health=(*_say_lost(lost), *compared.health))
    if answered is not None:
        answered(compared)
    before = report.read_bytes() if report.is_file() else b""
    comparison.write_report(compared, report)
    if report.read_bytes() != before:
        looks = read_looks(folder).replicates
        try:
            keep_answer(table, compared, uri, looks=looks, asked=asked, finished=plan.finished)
        except BaseException:  # also Ctrl-C: the next comparison keeps what differs from the report
            report.unlink(missing_ok=True)
            raise
    return compared


def _say_lost(lost: "LostRuns | None") -> "tuple[comparison.HealthRemark, ...]":
    if lost is None:
        return ()
    sentence = f"{lost.words[0].upper()}{lost.words[1:]}."
    return (comparison.HealthRemark(sentence, lost.next if lost.gone else ""),)


def stops_of(folder: SweepFolder) -> "tuple[comparison.Stop, ...]":
    """Return who got no further replicates at a planned look, as the sweep's last one says."""
    looks = [event for event in folder.events() if event["event"] == "look"]
    stops = looks[-1].get("stopped_replicates", []) if looks else []
    return tuple(comparison.Stop(stop["architecture"], stop["replicates"], stop["why"]) for stop in stops)


def plan_of(folder: SweepFolder, asked: "Sweep | None") -> "comparison.ReplicatePlan":
    """Return the plan of a sweep's replicates, and the looks at them so far.

    The plan is that of the first look: one that changes afterwards makes further replicates no cheaper.
    A look of an earlier version did not note what each architecture was trained with. Where there are
    replicates of several of its trials, such a look counts as one at another configuration.
    """
    looks = read_looks(folder)
    planned = asked.planned if asked else ()
    if looks.planned is not None:
        planned = looks.planned
    elif not looks.replicates:
        planned = _planned(folder) or planned
    repeated = count_repeated(folder)
    then = [
        one or {name: UNKNOWN for name in replicates if repeated[name] > 1}
        for one, replicates in zip(looks.configurations, looks.replicates, strict=True)
    ]
    return comparison.ReplicatePlan(
        planned,
        looks.replicates,
        folder.is_finished(),
        looks.unknown,
        configurations=tuple(then),
        seeds=looks.seeds,
    )


def _planned(folder: SweepFolder) -> tuple[int, ...]:
    """Return the numbers of replicates that the last controller planned, rising; none: not known."""
    opened = folder.opened()
    sizes = opened.get("planned") or [opened.get("replicates")]
    return tuple(sizes) if all(isinstance(size, int) for size in sizes) else ()


def _origin(rows: "Sequence[RunRow]") -> dict[str, str]:
    """Return where the sweep's own run came from: what trained, not what reads, and nothing of whom."""
    from rnnsweep.tracking.machine.provenance import public_facts

    parents = [row for row in rows if row.tags.get(Tag.ROLE) == "sweep"]
    tags = max(parents, key=lambda row: row.started).tags if parents else {}
    return public_facts({name.removeprefix("rnnsweep."): value for name, value in tags.items()})


def digests(folder: SweepFolder) -> dict[str, str]:
    """Return the SHA-256 of the corpus, the configuration and the code that a sweep started from."""
    start = folder.start() or {}
    named = {name: start.get(name) for name in ("corpus", "configuration", "code")}
    return {f"{name} digest": str(digest) for name, digest in named.items() if digest}


def best(sweep: str | Path, architecture: str | None = None, *, uri: str | None = None) -> BestResult:
    """Find the best configuration of an architecture, or of the one that leads the standings.

    Validation chooses the configuration of an architecture. The test replicates order the standings, and
    validation where there are no replicates.

    Raises:
        UserError: there is no such sweep or architecture, or no trial is complete.
    """
    from rnnsweep.comparison.evidence.disagreement import say_disagreement
    from rnnsweep.comparison.verdicts.standings import make_standings

    name = started_name(sweep)
    table, asked = runs(name, uri=uri), started(name, find_paths())
    score = score_of(table)
    standings = make_standings(
        turned_runs(table, score), objectives=asked.objectives if asked else OBJECTIVE, score=score
    )
    networks = [s for s in standings if not s.baseline and s.run_id and s.validation is not None]
    known = sorted(s.architecture for s in networks)
    if architecture is not None and architecture not in known:
        there = f"there is {', '.join(known)}" if known else "no trial is complete yet"
        hint = nearest(architecture, known)
        raise UserError(f"{architecture!r}: no complete trial of it in sweep {name!r}; {there}.{hint}")
    if not networks:
        again = SweepFolder.of(find_paths().mlruns, name).command("sweep")
        raise UserError(f"sweep {name!r}: no trial is complete yet; resume with: {again}")
    one = next(s for s in networks if architecture in (None, s.architecture))
    assert one.validation is not None
    return BestResult(
        name,
        one.architecture,
        one.run_id,
        float(score.turned(one.validation)),
        score,
        one.overrides,
        test=None if one.test.mean is None else float(score.turned(one.test.mean)),
        replicates=one.test.replicates,
        note="" if architecture else say_disagreement(standings),
    )
