"""The search space of a sweep file: dimensions, their spellings and constraints."""
