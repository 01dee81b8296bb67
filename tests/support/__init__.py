"""What several tests share: builders, a scriptable fake Deno, and leak checks."""
