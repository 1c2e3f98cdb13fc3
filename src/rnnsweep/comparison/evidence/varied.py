"""What tells one replicate from another, in words: what the sweep's `vary:` says, and the folds."""

from rnnsweep.comparison.evidence.records import Comparison

VARY = "replicates vary"  # the name of what `vary:` says, among the facts of a comparison

# what one replicate is trained with, and what verdicts speak of
_VARIED = {
    "all": (
        "another seed and another split of train and validation",
        "other seeds and other splits of train and validation",
    ),
    "split": (
        "another split of train and validation, and the same seed",
        "other splits of train and validation with the same seeds",
    ),
    "seed": ("another seed, on the same split", "other seeds on the same split"),
    "initialisation": (
        "other initial weights, on the same split",
        "other initial weights on the same split",
    ),
    "order": (
        "another order of the training texts, on the same split",
        "other orders of the training texts on the same split",
    ),
}
_BESIDE_FOLD = {
    "split": "",
    "initialisation": ", and other initial weights",
    "order": ", and another order of the training texts",
}


def say_others(vary: str) -> str:
    """Return what the replicates vary; `vary` is what the sweep file says, empty where it is not known."""
    return _VARIED[vary][1] if vary in _VARIED else "the seeds that replicates vary"


def say_another(comparison: Comparison) -> str:
    """Return what a replicate is trained with, as the end of "a training with"."""
    vary, folds = comparison.facts.get(VARY, ""), folds_of(comparison)
    if folds:
        return f"the next of {folds} folds as its test part{_BESIDE_FOLD.get(vary, ', and another seed')}"
    return _VARIED[vary][0] if vary in _VARIED else "another seed"


def folds_of(comparison: Comparison) -> int:
    """Return how many folds the replicates take in turn as their test parts; 0: all have one test part."""
    return max((one.folds for s in comparison.standings for one in s.replicates), default=0)
