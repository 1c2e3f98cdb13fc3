"""The one error that is the user's to mend, the hint that goes with it, and what errors of others say."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake that the user can mend: the command line prints its one line and exits with status 2.

    The message names the key or the file, the value, and what would be right.

    Attributes:
        problem: the message without the remedy.
        remedy: what to do, where that is a step of its own; else empty.
    """

    def __init__(self, problem: str = "", *, remedy: str = "") -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem, self.remedy = problem, remedy


def first_line(error: BaseException) -> str:
    """Return the first line of an error of another library; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return which known word was probably meant: `` Did you mean 'hidden_size'?``, or nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def nearest_first(word: str, known: Sequence[str]) -> list[str]:
    """Return the known words, those that are like `word` first."""
    close = get_close_matches(word, known, n=max(1, len(known)))
    return [*close, *(each for each in known if each not in close)]


def refuse_unknown(key: str, value: str, known: Iterable[str]) -> None:
    """Raise UserError unless `value` is one of `known`.

    Raises:
        UserError: naming the key, the value, the choices and the nearest of them.
    """
    choices = sorted(known)
    if value not in choices:
        raise UserError(f"{key}={value!r} is not one of {', '.join(choices)}.{nearest(value, choices)}")


def refuse_unless(holds: bool, key: str, value: object, right: str) -> None:
    """Refuse a value, as ``model.hidden_size=-3: must be 1 or more``.

    Args:
        holds: the value is right.
        key: of the setting.
        value: as it was given.
        right: what would be right, in words.

    Raises:
        `holds` is False.
    """
    if not holds:
        raise UserError(f"{key}={value!r}: must be {right}")
