"""`compare` and `best`: what a sweep found."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import click

from rnnsweep import api, comparison
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_sweep
from rnnsweep.cli.output import echo, one_json_object, out, reader_may_leave, telling
from rnnsweep.cli.words import count, score
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.safety.shell import command_line


@command(
    "compare",
    ("rnnsweep compare quickstart", "standings, verdicts on each pair, and the report's path"),
    ("rnnsweep compare quickstart --details", "each verdict with its interval, remarks, links to the UI"),
    ("rnnsweep compare quickstart --margin 0.01", "differences under one point do not matter"),
    ("rnnsweep compare quickstart ag_news", "ranks over several corpora, one sweep each"),
    ("rnnsweep compare quickstart --figures out", "figures as SVG, PDF and CSV, tables as LaTeX"),
    ("rnnsweep compare --scores runs.csv --baseline linear", "scores of any other tool"),
    ("rnnsweep compare quickstart --json | jq .standings", "one JSON object, for programs"),
)
@click.argument("sweeps", shell_complete=complete_sweep, nargs=-1, metavar="SWEEP...")
@click.option(
    "--scores", type=click.Path(path_type=Path), metavar="FILE", help="Scores of any tool, instead of SWEEP."
)
@click.option("--baseline", metavar="NAME", help="With --scores: what the others are compared with.")
@click.option(
    "--columns", metavar="NAME=COLUMN,...", help="With --scores: as score=test_acc,architecture=model."
)
@click.option("--lower", is_flag=True, help="With --scores: lower scores are better.")
@click.option("--looks", metavar="N,...", help="With --scores: seeds of each at earlier comparisons.")
@click.option(
    "--margin",
    type=click.FloatRange(min=0),
    help="Smallest difference that matters, as 0.002.",
)
@click.option("--details", is_flag=True, help="Print each verdict with its interval, and remarks.")
@click.option("--figures", type=click.Path(path_type=Path), help="Folder for figures and tables as files.")
@json_option
def compare_command(
    sweeps: tuple[str, ...],
    scores: Path | None,
    baseline: str | None,
    columns: str | None,
    lower: bool,
    looks: str | None,
    margin: float | None,
    details: bool,
    figures: Path | None,
    as_json: bool,
) -> None:
    """Compare the architectures of SWEEP, and write the report.

    Architectures are compared by the test scores of their replicates. SWEEP is a name or a file.
    Of several sweeps, each on another corpus, the architectures are ranked over the corpora.

    FILE of --scores has columns architecture, seed and score, and may have one for test rows, row.
    """
    of_scores = {"--baseline": baseline, "--columns": columns, "--lower": lower or None, "--looks": looks}
    _refuse_what_excludes(sweeps, scores, figures, of_scores)
    if len(sweeps) > 1:
        _compare_corpora(sweeps, margin, as_json)
        return

    def show(compared: "comparison.Comparison") -> None:
        with reader_may_leave():  # report and figures are still to be written
            print_answer(compared, details=details)

    with one_json_object(as_json) as emit:
        if scores is None:
            compared = _answer_of(sweeps[0], margin, show=None if as_json else show)
        else:
            seen = _looks(looks)
            compared = _scores_of(scores, baseline, columns, lower=lower, margin=margin, looks=seen)
            if not as_json:
                show(compared)
        emit(compared.to_json())
        if figures:
            from rnnsweep.comparison.report.figure_files import write_figures

            written = write_figures(compared, figures)
    if figures and not as_json:
        echo(f"Figures: {len(written)} files in {figures}")


def _answer_of(
    sweep: str, margin: float | None, *, show: "Callable[[comparison.Comparison], None] | None"
) -> "comparison.Comparison":
    """Compare a sweep; the answer is shown before the report is written."""
    reports: list[Path | None] = []  # that are named and not written yet
    with ExitStack() as told:

        def answered(compared: "comparison.Comparison") -> None:
            told.close()
            if show is not None:
                show(compared)
            reports.append(compared.report)

        try:
            return api.compare(sweep, margin=margin, tell=told.enter_context(telling()), answered=answered)
        except KeyboardInterrupt:
            for report in reports:
                echo(f"{report}: not written; the same command writes it", err=True)
            raise


def _refuse_what_excludes(
    sweeps: tuple[str, ...], scores: Path | None, figures: Path | None, of_scores: Mapping[str, object]
) -> None:
    for option, value in of_scores.items():
        if value is not None and scores is None:
            raise click.UsageError(f"{option} needs --scores FILE; a sweep knows this itself.")
    if not sweeps and scores is None:
        raise click.UsageError("Name a sweep, as quickstart, or --scores FILE; `rnnsweep list` names sweeps.")
    if sweeps and scores is not None:
        raise click.UsageError(f"--scores and the sweep {sweeps[0]!r} exclude each other.")
    if len(sweeps) > 1 and figures is not None:
        raise click.UsageError("--figures is for one sweep; the report over corpora holds its figure.")


def _scores_of(
    file: Path,
    baseline: str | None,
    columns: str | None,
    *,
    lower: bool,
    margin: float | None,
    looks: tuple[int, ...],
) -> "comparison.Comparison":

    frame = api.read_scores(file, _columns(columns))
    name = file.name.partition(".")[0] or "scores"
    try:
        return api.compare_scores(frame, baseline, lower=lower, margin=margin, name=name, looks=looks)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def _columns(text: str | None) -> dict[str, str]:
    pairs = [one.partition("=") for one in text.split(",")] if text else []
    for name, sign, column in pairs:
        if name not in ("architecture", "seed", "score", "row", "group") or not sign or not column:
            raise click.UsageError(
                f"--columns {text!r}: must have the form score=test_acc,architecture=model; the keys are"
                " architecture, seed, score, row and group."
            )
    return {name: column for name, _, column in pairs}


def _looks(text: str | None) -> tuple[int, ...]:
    words = text.split(",") if text is not None else []
    if not all(word.strip().isdecimal() for word in words):
        raise click.UsageError(f"--looks {text!r}: must be numbers of seeds, as 6,12.")
    return tuple(map(int, words))


def _compare_corpora(sweeps: tuple[str, ...], margin: float | None, as_json: bool) -> None:
    with one_json_object(as_json) as emit:
        with telling("comparing"):
            ranking = api.compare_corpora(sweeps, margin=margin)
        emit(ranking.to_json())
    if not as_json:
        out().print(comparison.corpora_table(ranking, width=min(out().width, 120)))
        out().print(f"Report: {ranking.report}", soft_wrap=True)


@command(
    "best",
    ("rnnsweep best quickstart", "the command that trains the best trial again"),
    ("rnnsweep best quickstart gru", "the best of one architecture"),
    ('eval "$(rnnsweep best quickstart)"', "train it"),
)
@click.argument("sweep", shell_complete=complete_sweep)
@click.argument("architecture", required=False)
@json_option
def best_command(sweep: str, architecture: str | None, as_json: bool) -> None:
    """Print the command that repeats the best trial of SWEEP.

    Validation chooses the trial of ARCHITECTURE. The default architecture leads the standings, by the test
    scores of its replicates where it has some. The command gives the same score.
    """
    with one_json_object(as_json) as emit:
        winner = api.best(sweep, architecture)
        emit(
            {
                "sweep": winner.sweep,
                "architecture": winner.architecture,
                "validation": winner.validation,
                "score": winner.score.facts(),
                "run_id": winner.run_id,
                "overrides": list(winner.overrides),
                "command": winner.command,
                "test": winner.test,
                "replicates": winner.replicates,
                "note": winner.note,
            }
        )
    if not as_json:
        of = f"# {winner.architecture}, validation {winner.score.title} {score(winner.validation)}"
        if winner.test is not None:
            of += f", test {score(winner.test)} over {count(winner.replicates, 'replicate')}"
        echo(of, err=True)
        if winner.note:
            echo(f"# {winner.note}", err=True)
        echo(winner.command)


def print_answer(compared: "comparison.Comparison", *, details: bool = False) -> None:
    """Print the answer and the standings, with `details` each verdict and the addresses of views."""
    comparison.print_comparison(compared, console=out(), details=details)
    best, again = (command_line(command, compared.sweep) for command in ("best", "compare"))
    more = f"to repeat the best: {best}" if details else f"{again} --details; {best}; rnnsweep ui"
    if not compared.searched:  # scores of another tool
        more = "" if details else "the same command with --details prints each verdict"
    elif details:
        print_views(compared.sweep)
    if more:
        out().print(f"More: {more}", style="dim", soft_wrap=True)


def print_views(sweep: str) -> None:
    """Print the addresses of a sweep's prepared views, or the command that opens the UI."""
    from rnnsweep.tracking import key_of_sweep, sweep_links

    mlruns = find_paths().mlruns
    key = key_of_sweep(mlruns, sweep)
    links = sweep_links(mlruns, sweep, key) if key else {}
    out().print("All runs: rnnsweep ui" + (", and then" if links else ""), style="dim")
    for title, link in links.items():
        line = f"  {title:<16} {link}"
        out().print(line, style="dim", soft_wrap=True)
