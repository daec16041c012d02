"""`upbeat bench`: how long things take on this machine, each figure with its spread, most with a yardstick."""
