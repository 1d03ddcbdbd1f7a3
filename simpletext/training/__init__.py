"""Training a Keras model."""
