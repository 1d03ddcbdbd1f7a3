"""Texts become token ids and batches."""
