"""Where takes, models, caches and logs lie. `UPBEAT_HOME` moves them all; else each system's own places are used."""

import os
from pathlib import Path

import platformdirs


def takes_folder() -> Path:
    """Where takes are kept for ever. It may not exist yet."""
    return _home("takes") or Path(platformdirs.user_data_dir("upbeat", appauthor=False), "takes")


def models_folder() -> Path:
    """Where the published models lie, which `upbeat models` puts there. It may not exist yet."""
    return _home("models") or Path(platformdirs.user_data_dir("upbeat", appauthor=False), "models")


def cache_folder() -> Path:
    """Where things lie that can be made again, such as the compiled mixer. It may not exist yet."""
    return _home("cache") or Path(platformdirs.user_cache_dir("upbeat", appauthor=False))


def log_folder() -> Path:
    """Where logs are written. It may not exist yet."""
    return _home("logs") or Path(platformdirs.user_log_dir("upbeat", appauthor=False))


def _home(name: str) -> Path | None:
    home = os.environ.get("UPBEAT_HOME")
    return Path(home).expanduser().absolute() / name if home else None
