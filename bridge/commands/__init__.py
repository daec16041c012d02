"""The subcommands of `upbeat`, one idea a module: each has `add` for its arguments and imports the rest when it runs."""
