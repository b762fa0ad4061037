"""The Console's catalog: objects with their dependencies, deploys with their plan, versions and who has which."""
