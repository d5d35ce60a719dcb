"""The archive as other programs read it: WARC and WACZ."""
