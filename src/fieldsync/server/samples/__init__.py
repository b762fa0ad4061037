"""Samples of calls that are submitted: decided within their save, with everything that was left before."""
