"""The org's logic as far as a device can run it: validation rules, asked when somebody saves."""
