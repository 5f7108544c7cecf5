"""`python -m benchmarks.media`, from the root of the repository."""

from benchmarks.media.bench import main

main()
