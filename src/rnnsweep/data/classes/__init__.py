"""Labels of files to the classes of a corpus."""
