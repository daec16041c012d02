"""Where the music is: beats, frames, and who says so."""
