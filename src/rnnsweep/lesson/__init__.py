"""The lesson that this project grew out of, row by row, and what it recorded."""

from rnnsweep.lesson.rows import LessonRow, Outcome, find_rows, read_rows

__all__ = ["LessonRow", "Outcome", "find_rows", "read_rows"]
