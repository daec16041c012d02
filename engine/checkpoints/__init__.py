"""Published weight files to our parameters: where they lie, what they are, and how they are read without trust."""
