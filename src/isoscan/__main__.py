"""`python -m isoscan` is the `isoscan` command."""

from .cli import main

main()
