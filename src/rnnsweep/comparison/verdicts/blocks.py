"""The sweeps of a comparison over corpora: each must be of another corpus, as the corpora are the blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnsweep.errors import UserError

CORPUS_DIGEST = "corpus digest"  # the fact of a comparison that says which corpus it is of


@dataclass(frozen=True)
class Block:
    """A sweep, the digest of its corpus where that is known, and its architectures."""

    sweep: str
    digest: str | None
    architectures: tuple[str, ...]


def refuse_same_corpus(blocks: Sequence[Block]) -> None:
    """Refuse sweeps that are no blocks: what happened to the rows of one corpus would count twice.

    Raises:
        UserError: fewer than two sweeps, one given twice, or two of one corpus.
    """
    names = [block.sweep for block in blocks]
    if len(names) < 2:
        raise UserError(
            f"{', '.join(names) or 'no sweep'}: it takes two sweeps or more to compare over corpora"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"{twice}: given twice; each sweep must be of another corpus")
    seen: dict[str, Block] = {}
    for block in blocks:
        first = seen.setdefault(block.digest, block) if block.digest else block
        if first is not block:
            both = ", ".join(dict.fromkeys((*first.architectures, *block.architectures)))
            raise UserError(
                f"{block.sweep}: has the same corpus as {first.sweep} (digest {str(first.digest)[:12]}); "
                "each sweep must be of another corpus; to compare on one, write a sweep file with "
                f"`architectures: [{both}]`, and run: rnnsweep sweep FILE"
            )
