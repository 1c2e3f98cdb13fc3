"""The search: one Optuna study for each architecture."""
