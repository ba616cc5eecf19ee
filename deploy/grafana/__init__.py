"""Grafana's dashboards, made from a few lines for each panel."""
