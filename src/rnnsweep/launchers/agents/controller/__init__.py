"""What runs on the controller's machine: the launcher of a sweep, its agents, and what attempts send home."""
