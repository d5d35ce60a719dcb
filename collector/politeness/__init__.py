"""When the next request to a host may start, and what its robots.txt allows."""
