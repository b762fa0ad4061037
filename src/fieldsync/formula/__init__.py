"""The formula language: parsed once, typed, evaluated in Python or compiled to SQL.

Pure functions over values and expressions; where a formula is used is not known here.
"""
