"""The driver of the benchmarks: see ../README.md."""
