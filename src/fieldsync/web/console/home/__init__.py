"""The Console's first page: what needs somebody, how syncs go, who is late; and whom alerts are told to."""
