"""The Console's pages of content: what there is to present, brought in with its file, and its new versions."""
