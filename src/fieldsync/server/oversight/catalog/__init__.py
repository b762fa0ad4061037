"""The data model as an admin looks at it: what depends on what, what a deploy would do, and its versions."""
