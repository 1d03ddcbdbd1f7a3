"""ktrain's names."""
