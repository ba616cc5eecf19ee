"""All SQL of the dashboard."""
