"""`upbeat demo`: a short set played through every real part, then measured in its own recording."""
