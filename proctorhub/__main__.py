"""`python -m proctorhub` is the `proctorhub` command."""

from proctorhub.cli.main import main

main()
