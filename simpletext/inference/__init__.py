"""The forward pass, and predictions from its outputs."""
