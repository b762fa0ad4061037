"""The server's HTTP edge: requests are decoded and answered here,
and nothing is decided. The only Litestar of the server."""
