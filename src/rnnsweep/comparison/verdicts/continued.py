"""What is said where a sweep goes on after test scores were compared."""

from collections.abc import Iterator, Sequence

from rnnsweep.comparison.evidence.records import HealthRemark
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.verdicts.sentences import names_of


def search_continued(plan: ReplicatePlan) -> Iterator[HealthRemark]:
    """Name the architectures that changed, or were added, after test scores had been compared."""
    if changed := plan.changed():
        yield _sharing(
            f"The search continued after test scores had been compared, and {names_of(changed)} got another "
            "best configuration",
            changed,
        )
    if added := plan.added():
        were = "was" if len(added) == 1 else "were"
        yield _sharing(f"{names_of(added)} {were} added after test scores had been compared", added)


def _sharing(what: str, names: Sequence[str]) -> HealthRemark:
    whose = "its" if len(names) == 1 else "their"
    return HealthRemark(
        f"{what}: {whose} comparisons share the 5 % with the earlier ones, and can rarely claim anything. "
        "A new sweep has the whole 5 %: a file with another `name:` and `like:` this one."
    )
