"""netkeiba: races, entries, horses and aptitude graphs; its addresses and what its pages say."""
