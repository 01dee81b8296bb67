"""Plugins that attack, each with one trick, and what must come of them."""
