"""Reports, plots and the data check."""
