"""What a plan says of its rows and of its time, in lines of the terminal."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rnnsweep import comparison
from rnnsweep.cli.words import count
from rnnsweep.drawing.times import durations
from rnnsweep.tasks import spec_of

if TYPE_CHECKING:
    from rnnsweep.api.corpora.description import Groups
    from rnnsweep.planning.plan import Plan
    from rnnsweep.tasks import Score

    Redraw = Callable[[float], tuple[int, Groups] | None]  # of a share: the test rows and groups it draws

FINE = 1.0  # points: where smaller differences hold for new rows, no more test rows are asked for
UNSURE = 2.0  # points: where the standard error of a validation score is smaller, no more rows are asked for
CLEARLY = 0.9  # times a limit: what lowers it by less is not worth a setting
NONE = 50.0  # points: a limit that no difference reaches


def say_time(planned: "Plan") -> Iterator[str]:
    """Yield the time of the sweep, and beside what runs now that time and what that is."""
    if planned.seconds is None or planned.seconds_most is None:
        return
    where = f" of machine {planned.elsewhere}, each as fast as a core here" if planned.elsewhere else ""
    slowdown = planned.slowdown
    quiet = " on a quiet machine" if slowdown > 1 else ""
    time = durations(planned.seconds, planned.seconds_most)
    yield f"about {time} in {count(planned.slots, 'slot')}{where}{quiet}, if nothing is pruned"
    if slowdown > 1:
        now = durations(slowdown * planned.seconds, slowdown * planned.seconds_most)
        yield f"! now about {now}, while {_say_load(planned)}"


def _say_load(planned: "Plan") -> str:
    """Return which programs use the cores: running sweeps of this project by name, and how many others."""
    load = planned.load
    who = [f"sweep {name} of this project" for name in load.groups]
    if load.processes or not who:
        other = "other " if who else ""
        busy = f"{other}busy process{'es' * (load.processes != 1)}"
        who.append(f"{load.processes} {busy}" if load.processes else "other programs")
    alone = len(load.groups) + load.processes == 1
    return (
        f"{' and '.join(who)} {'uses' if alone else 'use'} {load.used:.1f} of {count(planned.cores, 'core')}"
    )


def _in_groups(groups: "Groups | None") -> str:
    if groups is None:
        return ""
    like = f", which count like {groups.counted:.0f} groups of equal size" if groups.are_uneven else ""
    named = f" (the largest: {groups.large})" if like and groups.large else ""
    return f" in {count(groups.number, 'group')}{like}{named}"


def say_test_rows(
    planned: "Plan", rows: int | None, groups: "Groups | None", redraw: "Redraw | None" = None
) -> Iterator[str]:
    """Yield which differences are too small for new rows; rows of one group may all err alike.

    Args:
        planned: whose replicates are counted.
        rows: of the test part; None: nothing is said of them.
        groups: of these rows; None: each is alone.
        redraw: draws a test part of another share, where rows are in groups.
    """
    if groups and planned.folds and groups.are_uneven:
        yield f"the rows are{_in_groups(groups)}: folds differ much, and few differences are shown"
    if not rows:
        return
    least = _points(planned, rows, groups)
    counted = _counted(planned.score)
    of = f" in {counted.title}" if counted and counted is not planned.score else ""
    holds = (
        f"a difference{of} that the replicates show on them may not hold for new rows where it is less than"
        f" about {least} points"
    )
    yield f"{count(rows, 'test row')}{_in_groups(groups)}: {holds}{_say_alike(planned, groups)}"
    if float(least) >= FINE:
        yield f"! {_more_test_rows(planned, rows, groups, redraw)}"


def _say_alike(planned: "Plan", groups: "Groups | None") -> str:
    """Return the limit where all rows of a group err alike; nothing without groups."""
    if groups is None:
        return ""
    most = _points(planned, groups.counted, groups)
    known = float(most) < NONE
    none = "no difference can be shown for new rows, however many replicates show it on these"
    limit = f"that limit is up to {most} points" if known else none
    apart = ". This holds where the rows of a group err independently"
    counted = "Which it is, compare measures after the replicates: its p on new rows counts it"
    return f"{apart}; where they are right or wrong together, {limit}. {counted}"


def say_validation_rows(planned: "Plan", smallest: tuple[int, float] | None) -> Iterator[str]:
    """Yield how uncertain the scores are by which the search chooses, and what makes them surer.

    Args:
        planned: whose score is named.
        smallest: the fewest validation rows of classes, and the share of the largest class.
    """
    counted = _counted(planned.score)
    if smallest is None or counted is None:
        return
    rows, majority = smallest
    most, naming = (f"{100 * comparison.share_error(p, rows):.2g}" for p in (0.5, majority))
    error = (
        f"{count(rows, 'validation row')}: the standard error of the {counted.title} is at most {most} points"
        f" (at .5; {naming} at the share of the largest class)"
    )
    if counted is planned.score:
        yield f"{error}: between configurations whose scores differ by less, the search chooses by chance"
    else:
        yield f"{error}; that of {planned.score.title}, by which the search chooses, is not known beforehand"
    wider, share = comparison.WIDER_VALIDATION, planned.validation_share
    if float(most) >= UNSURE and share is not None and share < wider:
        lower = f"{100 * comparison.share_error(0.5, round(rows * wider / share)):.2g}"
        yield f"! data.validation_share={wider:g} under overrides lowers this to {lower} points"


def _counted(score: "Score") -> "Score | None":
    """Return the score, or that of its task, which counts right rows: their number gives its error."""
    return next((one for one in (score, *spec_of(score).scores) if one.counts_right_rows), None)


def _more_test_rows(
    planned: "Plan", rows: int, groups: "Groups | None", redraw: "Redraw | None" = None
) -> str:
    """Return what gives more test rows, so that smaller differences hold for new rows."""
    from rnnsweep.api.project.test_share import MOST_TEST

    share = planned.test_share
    units = "rows" if groups is None else "groups of rows"
    if share is None:
        return f"smaller differences take a test file with more {units} (data.test){_few_of_large(groups)}"
    folds = f"data.folds=5 under overrides: each row is tested{_few_of_large(groups)}"
    if share >= MOST_TEST:
        return f"smaller differences take more {units}, or {folds}"
    if groups is None:
        shares = (n / 20 for n in range(1, round(20 * MOST_TEST)) if n / 20 > share)
        wider = next((one for one in shares if float(_points(planned, rows * one / share)) < FINE), MOST_TEST)
        least = _points(planned, rows * wider / share)
        return f"data.test_share={wider:g} under overrides lowers this to {least} points"
    drawn = redraw(MOST_TEST) if redraw else None
    if drawn is None:
        return f"smaller differences take more {units}, or {folds}"
    least = _points(planned, *drawn)
    if float(least) > CLEARLY * float(_points(planned, rows, groups)):
        hardly = f"data.test_share={MOST_TEST:g} lowers this by little, as each group is drawn whole"
        return f"smaller differences take more {units}: {hardly}; or {folds}"
    more = f"data.test_share={MOST_TEST:g} under overrides lowers this to {least} points"
    return f"{more}{_few_of_large(groups)}"


def _few_of_large(groups: "Groups | None") -> str:
    """Return how rows count like more groups, where a few are large."""
    if groups is None or groups.large is None or not groups.are_uneven:
        return ""
    return f"; {groups.large.way} makes them count like more groups"


def _points(planned: "Plan", rows: float, groups: "Groups | None" = None) -> str:
    """Return what so many test rows show on new rows, at the level that the plan's last look has."""
    most, family = max(2, *planned.looks), planned.comparisons
    looks = comparison.plan_looks(planned.looks, most=most, comparisons=family)
    level = next((look.level for look in reversed(looks) if look.able), 0.05)
    units = None if groups is None else groups.units
    reach = comparison.reach_on_new_rows(rows, replicates=most, comparisons=family, alpha=level, units=units)
    return f"{100 * reach:.2g}"
