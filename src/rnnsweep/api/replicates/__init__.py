"""More replicates and more studies of a sweep."""
