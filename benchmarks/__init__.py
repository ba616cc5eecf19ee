"""One file per question, with the recorded results."""
