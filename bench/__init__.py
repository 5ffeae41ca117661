"""``make bench``: how many calls per second this IVR carries beside two plain alternatives (docs/benchmarks.md)."""
