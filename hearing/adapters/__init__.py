"""The model runtime."""
