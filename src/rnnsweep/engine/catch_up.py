"""What the ledger missed: a controller was killed, or a disk was full, between an end and its line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from rnnsweep.search.study import REJECTED, RETRIED, WARM, Search
from rnnsweep.state.ledger import Ledger, read_ledger
from rnnsweep.state.status import ENDS, last_states
from rnnsweep.trial import Outcome
from rnnsweep.trial.messages import OUTCOME, validation_of

WORDS = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def catch_up(ledger: Ledger, folder: Path, searches: Mapping[str, Search]) -> int:
    """Write the ends that studies and tasks' folders know and the ledger does not; give their number."""
    known = last_states(read_ledger(folder))
    missing = [
        (name, values)
        for name, values in (*_trials(searches), *_others(folder))
        if known.get(name, {}).get("state") not in (*ENDS, "retried")
    ]
    for name, values in missing:
        who = {key: values.pop(key) for key in ("architecture", "role", "number")}
        ledger.write("start", name=name, slot=0, **who)
        ledger.write("end", name=name, **values)
    return len(missing)


def _trials(searches: Mapping[str, Search]) -> Iterator[tuple[str, dict[str, Any]]]:
    for architecture, search in searches.items():
        given_back = set(search.study.user_attrs.get(RETRIED, []))
        for trial in search.study.get_trials(deepcopy=False):
            kept = trial.user_attrs
            if trial.state not in WORDS or trial.number in given_back or WARM in kept or REJECTED in kept:
                continue
            who = {"architecture": architecture, "role": "trial", "number": trial.number}
            scores = kept.get("scores") or {}
            values = {**validation_of(scores), "cause": kept.get("cause"), "reason": kept.get("reason")}
            yield f"{architecture}-{trial.number}", {**who, "state": WORDS[trial.state], **values}


def _others(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the ends of replicates and of the baseline; a trial's end is what its study was told."""
    for path in sorted((folder / "trials").glob(f"*/{OUTCOME}")):
        name, outcome = path.parent.name, Outcome.read(path.parent)
        if outcome is None or name.rpartition("-")[2].isdigit():
            continue
        trial, _, repeat = name.rpartition("-r")
        architecture, _, number = trial.rpartition("-")
        role = "replicate" if repeat.isdigit() and architecture else "baseline"
        replicate = {"architecture": architecture, "number": int(number)} if role == "replicate" else {}
        who = {"architecture": name, "number": None, "role": role, **replicate}
        values = {**validation_of(outcome.scores), "cause": outcome.cause, "reason": outcome.reason}
        yield name, {**who, "state": outcome.state, **values}
