"""The non-blocking sync: an update is prepared in a file beside while people work, and applied when they say so."""
