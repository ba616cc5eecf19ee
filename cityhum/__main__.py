"""`python -m cityhum`, the same as `cityhum`."""

from cityhum.main import main

main()
