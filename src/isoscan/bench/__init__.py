"""`isoscan bench`: long runs that show what memory, restarts and results do under load.

A leaf like the command line: nothing of the library imports it.
"""
