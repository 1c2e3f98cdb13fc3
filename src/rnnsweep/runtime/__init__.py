"""The Python process itself: what it imports, compiles and collects, who it is, and its clock."""
