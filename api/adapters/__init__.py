"""The hearing of uploaded sounds, and the bell of the database."""
