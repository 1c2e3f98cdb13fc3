"""What a comparison rests on: records, replicates, test rows and facts, read from a sweep's runs."""
