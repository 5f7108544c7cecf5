"""The frame bus: sampled pictures and sound on their way from media nodes to vision workers."""
