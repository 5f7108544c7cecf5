"""What people do with ProctorHub, one module for each thing; every process starts with `runtime`."""
