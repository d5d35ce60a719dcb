"""From bytes to text as browsers read Japanese pages, and names as people mistype them."""
