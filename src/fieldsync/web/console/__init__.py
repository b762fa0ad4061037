"""The Console: the admin's pages, online, in the server's process: what every device sent and what became of it."""
