"""The forward pass and what is made of its outputs."""
