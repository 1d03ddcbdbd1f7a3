"""Several trainings on the same rows: a search for the best settings, and a comparison."""
