"""What a sweep will cost, measured before it starts."""
