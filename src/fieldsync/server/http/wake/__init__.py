"""Who waits for news, how he is told, and the page that he is told with (DESIGN 8, ADR 23)."""
