"""The machine of a run: metrics, energy, GPUs, provenance."""
