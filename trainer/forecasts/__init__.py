"""A register of forecasts: answers that were frozen before the results were known, and how good they turned out."""
