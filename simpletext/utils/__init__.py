"""Console output, files, argument checks and backend differences."""
