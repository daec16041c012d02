"""The tracks of a set that the plug-in plays inside a host: what each instance is sent, and what becomes of its words."""
