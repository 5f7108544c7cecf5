"""A vision backend on InsightFace, for processors and NVIDIA GPUs."""
