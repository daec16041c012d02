"""What goes out of Upbeat into other programs' files."""
