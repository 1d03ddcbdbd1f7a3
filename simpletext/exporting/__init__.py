"""Models that run without simpletext."""
