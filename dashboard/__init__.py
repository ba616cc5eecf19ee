"""The city in a browser."""
