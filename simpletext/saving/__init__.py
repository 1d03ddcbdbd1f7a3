"""The predictor's folder."""
