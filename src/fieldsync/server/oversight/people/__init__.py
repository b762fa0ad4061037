"""People as an admin looks at them: what each may do and see and why, where he works, and what he leaves behind."""
