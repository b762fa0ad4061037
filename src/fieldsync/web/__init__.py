"""The pages: the console for the online server, the field app for a device, and the look they share.

Pages show what the engines say; they decide nothing about data.
"""
