"""Which sound is it: labels, models, decisions."""
