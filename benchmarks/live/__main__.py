"""`python -m benchmarks.live`, from the root of the repository."""

from benchmarks.live.bench import main

main()
