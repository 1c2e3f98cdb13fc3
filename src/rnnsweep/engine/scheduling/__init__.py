"""Which task starts next, in which slots, and what follows when it ends."""
