"""How the bundled models are made; imported by nobody."""
