"""Statistics, plots and the report: pure functions of the records."""
