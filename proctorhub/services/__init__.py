"""What people do with ProctorHub, one module for each thing; processes start with `runtime`."""
