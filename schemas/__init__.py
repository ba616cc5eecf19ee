"""The shared language: messages, topics, codec, metrics, errors. Imports nothing of ours."""
