"""The `proctorhub` command."""
