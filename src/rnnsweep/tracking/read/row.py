"""One run as any store returns it."""

from dataclasses import dataclass, field


@dataclass
class RunRow:
    """One run as any store returns it; `started` in milliseconds since 1970."""

    run_id: str
    name: str
    status: str
    started: int
    experiment_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
