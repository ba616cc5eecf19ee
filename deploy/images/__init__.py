"""The recipe of all images, and the check that ends it."""
