"""The plugin author's kit: a first plugin, its checks and its tests."""
