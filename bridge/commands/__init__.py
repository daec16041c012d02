"""The subcommands of `upbeat`: `add` tells argparse its arguments; `run` imports what it needs, and runs it."""
