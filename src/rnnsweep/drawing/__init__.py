"""How names and times look: one colour for each architecture, fonts that have the letters, times in words."""
