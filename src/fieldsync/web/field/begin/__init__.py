"""How the app begins: server, sign-in, PIN, territory, first download, and a page for each way one of them fails."""
