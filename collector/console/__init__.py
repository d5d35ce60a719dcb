"""What people type and read: words, times, errors in one sentence, and what a terminal may be sent."""
