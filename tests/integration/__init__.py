"""Tests with real Deno processes."""
