"""A predictor behind a page and JSON routes, and tables of predictions."""
