"""What things cost, each beside what one would do instead: ``python -m benchmarks [case ...]``.

A case is a module here with ``run() -> list[dict]``; a row has `case`, `ours`, `other`, `other_name`, `ratio`
(how many times better ours is) and `unit`, and may have `range` (least and greatest ratio seen) and `note`.
"""
