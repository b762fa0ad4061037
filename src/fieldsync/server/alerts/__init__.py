"""What needs somebody, found by plain questions, and telling whom the org named, by e-mail or to a web address."""
