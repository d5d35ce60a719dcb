"""Which page is asked for next, when a page is due again, and how hosts stand."""
