"""The program on the device: sound in, levels and privacy-safe features out."""
