"""The command line: entry points and wiring only.

Here the clock, ids, stores and transports are made and handed to the engines. No rule of the product lives here.
"""
