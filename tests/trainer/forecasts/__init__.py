"""The register of forecasts."""
