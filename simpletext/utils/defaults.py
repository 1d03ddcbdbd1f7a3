"""Defaults that the ways into the library share, in a module that imports nothing."""

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"  # where no checkpoint is passed
