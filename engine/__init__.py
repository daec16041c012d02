"""The engine: a request in frames becomes a clip of sound. It never imports `bridge`; they meet on the wire."""
