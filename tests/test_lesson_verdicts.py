"""The answers of the lesson's sweeps in a line: in full of a pair, in brief of more sides."""

from types import SimpleNamespace

from examples.lesson.pairs import _sentences


def said(*verdicts: tuple[str, str, str]) -> tuple[str, ...]:
    return _sentences(
        SimpleNamespace(
            answer="a is ahead.",
            standings=[SimpleNamespace(architecture="a", test=SimpleNamespace(replicates=8))],
            verdicts=[
                SimpleNamespace(a=a, b=b, verdict=word, sentence=f"{a}, {b}: {word}")
                for a, word, b in verdicts
            ],
        )
    )


def test_a_pair_is_told_in_full():
    assert said(("a", "better", "b")) == ("a, b: better",)


def test_more_sides_are_told_by_who_is_ahead_and_what_is_told_apart_behind():
    told = said(("a", "better", "b"), ("a", "better", "c"), ("b", "worse", "c"), ("b", "better", "d"))
    assert told == (
        "a is ahead.",
        "Of the others, c is better than b, b is better than d.",
        "8 paired replicates each.",
    )


def test_nothing_is_said_of_others_that_are_not_told_apart():
    told = said(("a", "better", "b"), ("a", "not separable", "c"), ("b", "needs more", "c"))
    assert told == ("a is ahead.", "8 paired replicates each.")
