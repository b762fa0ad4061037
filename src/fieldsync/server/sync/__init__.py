"""Sync, the server's half: sessions, upload, feed, downloads, wake-ups. Each file has its counterpart in `protocol`."""
