"""What lies in `mlruns/`: remove it, or make the store again from records."""
