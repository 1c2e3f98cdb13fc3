"""One run's configuration: composed from conf/ in Hydra's order, checked by type and range, flattened."""

from rnnsweep.config.composing import Setting, architectures, compose, origins, recorded_settings
from rnnsweep.config.explanations import explain_key, explain_run_keys
from rnnsweep.config.files import Origin, copy_conf, options
from rnnsweep.config.overrides import quote
from rnnsweep.config.schema import GROUPS, RunConfig, RunSchema, flatten, known_keys, right_type
from rnnsweep.config.variation import vary

__all__ = [
    "GROUPS",
    "Origin",
    "RunConfig",
    "RunSchema",
    "Setting",
    "architectures",
    "compose",
    "copy_conf",
    "explain_key",
    "explain_run_keys",
    "flatten",
    "known_keys",
    "options",
    "origins",
    "quote",
    "recorded_settings",
    "right_type",
    "vary",
]
