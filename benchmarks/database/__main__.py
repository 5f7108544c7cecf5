"""`python -m benchmarks.database`, from the root of the repository."""

from benchmarks.database.bench import main

main()
