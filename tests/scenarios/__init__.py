"""The seed's test catalogue, one scenario a test, against the real sandbox."""
