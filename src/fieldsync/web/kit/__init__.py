"""The shared look of both apps: base template, styles, vendored assets, and the guard every page stands behind."""
