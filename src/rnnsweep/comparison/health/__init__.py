"""Health of a search: what would make its comparison misleading, each with what to do next."""
