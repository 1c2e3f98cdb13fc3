"""The comparison as a page, as tables, and in a terminal."""
