"""The tracks of a set that the plug-in plays inside a host: what an instance is sent, and what becomes of its words."""
