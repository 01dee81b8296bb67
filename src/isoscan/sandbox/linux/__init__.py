"""The operating system's layer on Linux: a fork server that locks each generation down before it runs.

`client` is the owner's side, `lockdown` the list and order of the layers. All but `client` runs in
the server, which imports this folder by itself and nothing else of the package, so that it starts
in milliseconds and stays small.
"""
