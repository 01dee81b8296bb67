"""What isoscan knows of earlier runs: one SQLite file per project; docs/store.md describes it.

`keeper` is what a run talks to, `findings` what commands ask; `schema` says what is in the file.
"""
