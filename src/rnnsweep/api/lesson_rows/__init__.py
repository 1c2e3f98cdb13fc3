"""The lesson's rows, trained and scored."""
