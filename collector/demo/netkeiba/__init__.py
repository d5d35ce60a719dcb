"""netkeiba's look-alike: its pages."""
