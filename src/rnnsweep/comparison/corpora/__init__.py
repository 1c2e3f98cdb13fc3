"""Several sweeps, each of another corpus, compared by the ranks of their architectures."""
