"""One request and its answer: bounded in size, time and address; headers checked where they come in. Knows no site."""
