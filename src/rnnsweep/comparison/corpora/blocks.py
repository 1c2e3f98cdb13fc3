"""The sweeps of a comparison over corpora: each must be of another corpus, as the corpora are the blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from rnnsweep.errors import UserError
from rnnsweep.safety.shell import command_line

CORPUS_DIGEST = "corpus digest"  # the fact of a comparison that says which corpus it is of
SHARED = 0.5  # of the texts of the smaller corpus: with more in common, two corpora are one


@dataclass(frozen=True)
class Block:
    """A sweep, what is known of its corpus, and its architectures."""

    sweep: str
    digest: str | None  # of its rows
    architectures: tuple[str, ...]
    files: frozenset[str] = frozenset()  # that it reads: their paths, and the digests of their bytes
    score: str = ""  # by which its architectures are compared, in words
    texts: frozenset[str] = frozenset()  # of its rows, where they were read


def refuse_same_corpus(blocks: Sequence[Block]) -> None:
    """Refuse sweeps that are no blocks: what happened to the rows of one corpus would count twice.

    One file that is read by other columns, or for other labels, has the same rows, and so have copies of it
    with further columns or rows.

    Raises:
        UserError: fewer than two sweeps, one given twice, two of one corpus or file, or of other scores.
    """
    names = [block.sweep for block in blocks]
    if len(names) < 2:
        raise UserError(
            f"{', '.join(names) or 'no sweep'}: it takes two sweeps or more to compare over corpora"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"{twice}: given twice; each sweep must be of another corpus")
    for first, block in combinations(blocks, 2):
        if same := _in_common(first, block):
            raise UserError(
                f"{block.sweep}: {same}; each sweep must be of another corpus; {_instead(first, block)}"
            )
    for block in blocks[1:]:
        if block.score != blocks[0].score and block.score and blocks[0].score:
            raise UserError(
                f"{block.sweep}: is scored by {block.score}, and {blocks[0].sweep} by {blocks[0].score};"
                " ranks over corpora are of one score: give the sweep files one `objective:`"
            )


def _instead(first: Block, block: Block) -> str:
    """Return what to do with two sweeps of one corpus: those of the same names differ in their settings."""
    if set(first.architectures) != set(block.architectures):
        both = ", ".join(dict.fromkeys((*first.architectures, *block.architectures)))
        return (
            f"to compare on one, write a sweep file with `architectures: [{both}]`, and run: rnnsweep sweep"
            " FILE"
        )
    alone = "; ".join(command_line("compare", one.sweep) for one in (first, block))
    return (
        "where only a setting of the training differs, give one sweep file both as names of its own:"
        " `architectures: {a: [model=NAME], b: [model=NAME, KEY=VALUE]}`; where their test rows differ, look"
        f" at each alone: {alone}"
    )


def _in_common(first: Block, block: Block) -> str:
    """Return what makes two sweeps of one corpus, as a text; nothing where they are of two."""
    if first.digest and first.digest == block.digest:
        return f"has the same corpus as {first.sweep} (digest {first.digest[:12]})"
    files = sorted(first.files & block.files, key=lambda name: (not name.startswith("/"), name))
    if files:
        return f"reads the same file as {first.sweep} ({files[0][:60]})"
    shared = len(first.texts & block.texts)
    if shared > SHARED * min(len(first.texts), len(block.texts)):
        sizes = f"of {len(block.texts):,} different ones here and {len(first.texts):,} there"
        return f"has {shared:,} texts in common with {first.sweep} ({sizes})"
    return ""
