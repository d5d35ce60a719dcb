"""Saved pages brought into the archive: files, WARC and WACZ become what a crawl would have fetched. No request."""
