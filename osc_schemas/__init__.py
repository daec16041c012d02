"""The words that bridge, engine and the outside world share. Plain data: standard library, numpy, python-osc."""
