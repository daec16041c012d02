"""`upbeat sounds`: a page to browse, with each kind of sound that a model can make, its words, and prompts to hear."""
