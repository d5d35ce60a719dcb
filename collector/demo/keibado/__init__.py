"""keibado's look-alike: its layouts and pages."""
