"""The vision worker: one frame a second of each camera. Nothing looks at frames yet."""
