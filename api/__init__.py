"""The record over HTTP: levels, labels, windows, alerts, indicators; live alerts; sounds."""
