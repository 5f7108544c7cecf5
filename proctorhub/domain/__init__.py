"""Rules as pure functions on plain values: no framework, no database, no clock, no I/O."""
