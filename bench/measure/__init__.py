"""What benchmarks share: the place they measure in, the machine they run on, and the line they end with."""
