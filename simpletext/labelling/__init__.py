"""Labels that are missing or wrong: suspects, names alone, what to label next."""
