"""How the parts are put to work."""
