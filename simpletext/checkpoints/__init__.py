"""Finding and reading checkpoint folders."""
