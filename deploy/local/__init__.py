"""The whole stack as private processes on loopback, where there are no containers."""
