"""Generic layers in `keras.ops`."""
