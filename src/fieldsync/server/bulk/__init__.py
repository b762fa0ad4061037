"""Rows that are loaded from files, past the save pipeline: sales data, hundreds of thousands of lines at a time."""
