"""The server side: pure folds over the stream, and their wiring."""
