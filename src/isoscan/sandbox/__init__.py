"""The only place that knows processes: spawn, frames, limits, kill, reap."""
