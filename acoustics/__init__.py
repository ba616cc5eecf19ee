"""Samples and levels in, numbers out. Pure: no I/O, no clock."""
