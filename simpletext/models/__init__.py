"""Encoders, heads, and models loaded from checkpoints."""
