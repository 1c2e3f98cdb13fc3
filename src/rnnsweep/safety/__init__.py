"""Text, files and programs of others: what keeps them from acting."""
