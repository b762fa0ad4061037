"""Measuring the product as its users would compare it, each figure beside the floor of the same run."""
