"""How names look: one colour for each architecture, and fonts that have the letters."""
