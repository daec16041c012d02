"""Fetches a model's files from the hub: the only thing here that uses the network, and only when somebody asks."""

import fnmatch
import os
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from engine.checkpoints.cards import Card, Fetch
from engine.checkpoints.folders import spoken_size
from engine.errors import SetupError

ANSWERS_WITHIN_S: Final = 20.0
# What the versions of huggingface_hub reach the network with.
_NETWORK_LIBRARIES: Final = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")


class PullError(SetupError):
    """A model could not be fetched. What has come so far is kept, and the next attempt goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file on the hub, and where it goes."""

    fetch: Fetch
    file: str
    size: int
    sha256: str | None  # where the hub says it
    place: Path

    @property
    def there(self) -> bool:
        """Whether a file of that size is in its place."""
        return self.place.is_file() and self.place.stat().st_size == self.size


def pull(card: Card, folder: Path) -> list[Wanted]:
    """Fetch everything that `card` names into `folder`, with a bar on a terminal. What was fetched, or was there.

    Raises `PullError` offline, for what the hub does not have, and if there is no room.
    """
    hub = _hub()
    endpoint = os.environ.get("HF_ENDPOINT") or None
    with _in_a_sentence(hub, card):
        api = hub.HfApi(endpoint=endpoint, token=False)
        wanted = [file for fetch in card.fetches for file in _wanted(api, fetch, folder)]
        _check_room(card, wanted, folder)
        for file in wanted:
            file.place.parent.mkdir(parents=True, exist_ok=True)
            hub.hf_hub_download(
                file.fetch.repository,
                file.file,
                repo_type=file.fetch.kind,
                local_dir=folder / file.fetch.into,
                etag_timeout=ANSWERS_WITHIN_S,
                token=False,
                endpoint=endpoint,
            )
    for into in {file.fetch.into for file in wanted}:
        shutil.rmtree(folder / into / ".cache", ignore_errors=True)  # it is for going on with, and all is there
    return wanted


def _hub() -> ModuleType:
    """huggingface_hub, told to keep to itself. Raises `SetupError` if it is not installed."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # it keeps ten gigabytes of its own, and a plain file can go on
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", f"{ANSWERS_WITHIN_S:.0f}")
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise SetupError(
            "to fetch models huggingface_hub is needed, which is not installed: pip install 'upbeat[models]'"
        ) from error
    if not sys.stderr.isatty():
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
    return huggingface_hub


def _wanted(api: Any, fetch: Fetch, folder: Path) -> Iterator[Wanted]:
    """The files of one repository that are wanted, with their sizes. Raises `PullError` for one that is not there."""
    info = api.repo_info(fetch.repository, repo_type=fetch.kind, files_metadata=True, timeout=ANSWERS_WITHIN_S)
    there = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    some = [name for name in fetch.any_of if name in there]
    lacking = [name for name in fetch.files if name not in there]
    if lacking or (fetch.any_of and not some):
        missing = lacking[0] if lacking else " or ".join(fetch.any_of[:3])
        raise PullError(
            f"{fetch.repository} on the hub has no {missing}, but {_some(there, missing)}; its authors may have moved "
            "it, so fetch it by hand and take it with `upbeat models add`"
        )
    for name in (*fetch.files, *some):
        sibling = there[name]
        lfs = sibling.lfs
        yield Wanted(
            fetch=fetch,
            file=name,
            size=sibling.size or 0,
            sha256=None if lfs is None else lfs["sha256"],
            place=folder / fetch.into / name,
        )


def _some(there: Iterable[str], missing: str) -> str:
    """A few of the files that a repository has, those of the same kind first."""
    kind = f"*{Path(missing).suffix}"
    names = sorted(there, key=lambda name: (not fnmatch.fnmatch(name, kind), name))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") if names else "nothing"


def _check_room(card: Card, wanted: list[Wanted], folder: Path) -> None:
    needed = sum(file.size for file in wanted if not file.there)
    standing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(standing).free
    kept = int(card.kept_gb * 10**9)
    if needed + kept > free:
        raise PullError(
            f"{card.name} takes {spoken_size(needed)} to fetch and {spoken_size(kept)} more once it is converted, and "
            f"{standing} has {spoken_size(free)} left; make room, or name another place with UPBEAT_HOME"
        )


@contextmanager
def _in_a_sentence(hub: ModuleType, card: Card) -> Iterator[None]:
    """Whatever the hub or the network does, as a `PullError`."""
    errors = hub.errors
    by_hand = f"or fetch the files of {card.weights} elsewhere and take them with `upbeat models add {card.name} PATH`"
    try:
        yield
    except (PullError, KeyboardInterrupt):
        raise
    except errors.OfflineModeIsEnabled as error:
        raise PullError(f"HF_HUB_OFFLINE forbids to ask the hub for {card.name}; unset it, {by_hand}") from error
    except errors.RepositoryNotFoundError as error:  # and those that are only for some
        raise PullError(
            f"the hub has no place of {card.name} that is open to everybody; look at {card.weights}"
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "no status")
        raise PullError(
            f"the hub answered with {status} when asked for {card.name}; try again later, {by_hand}"
        ) from error
    except Exception as error:
        if not _of_the_network(error):
            raise
        raise PullError(
            f"the hub cannot be reached ({_named(error)}); connect this machine and pull again, which goes on where it "
            f"stopped, {by_hand}"
        ) from error


def _of_the_network(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, is a connection that failed or a host that has no address."""
    while error is not None:
        if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
            return True
        if type(error).__module__.partition(".")[0] in _NETWORK_LIBRARIES:
            return True
        error = error.__cause__ or error.__context__
    return False


def _named(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:100]}" if text else type(error).__name__
