"""The photo search: pages and JSON over what has been collected, and what every page of this project stands on."""
