"""Train one run and record it, or score it on the test part."""
