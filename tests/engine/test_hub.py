"""Models come from the hub, on its terms and in sentences when it cannot be; here the hub is one on loopback."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import huggingface_hub.constants
import pytest
import torch

from engine.checkpoints import hub
from engine.checkpoints.hub import PullError, pull
from tests.engine.hub_stand_in import Hub
from tests.engine.hub_stand_in import hub as stand_in
from tests.engine.small_model import CARD, write_folder


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub with the small model, and with nothing in the way to it."""
    write_folder(tmp_path / "authors")
    torch.save({"much": torch.arange(300_000)}, tmp_path / "authors" / "small.ckpt")
    files = {name: (tmp_path / "authors" / name).read_bytes() for name in ("small.ckpt", "decoder/weights.pt")}
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with stand_in(
        {
            "spaces/someone/small": {**files, "README.md": b"# Small"},
            "models/someone/words": {"vocab.txt": b"a\nb\n", "model.safetensors": b"not wanted"},
        }
    ) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
        yield served


def refused(folder: Path) -> str:
    with pytest.raises(PullError) as refusal:
        pull(CARD, folder)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_what_the_card_names_comes_and_nothing_else(served: Hub, tmp_path: Path) -> None:
    files = pull(CARD, tmp_path / "small")

    places = {path.relative_to(tmp_path / "small").as_posix() for path in (tmp_path / "small").rglob("*")}
    assert places == {"small.ckpt", "decoder", "decoder/weights.pt", "words", "words/vocab.txt"}
    assert (tmp_path / "small" / "small.ckpt").read_bytes() == served.repositories["spaces/someone/small"]["small.ckpt"]
    assert [file.sha256 is None for file in files] == [False, False, True]


def test_nobody_is_told_who_asks(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    pull(CARD, tmp_path / "small")

    assert not [headers for headers in served.headers if "authorization" in {name.lower() for name in headers}]


def test_a_download_that_broke_goes_on_where_it_stopped(
    served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 100_000)  # of what is written at once
    served.breaks_after["small.ckpt"] = 1_000_000

    with contextlib.suppress(PullError):  # if the library does not go on by itself
        pull(CARD, tmp_path / "small")
    pull(CARD, tmp_path / "small")

    ranges = [asked for method, path, asked in served.asked if method == "GET" and path.endswith("small.ckpt")]
    assert ranges[0] is None
    assert ranges[1] is not None
    assert int(ranges[1].removeprefix("bytes=").rstrip("-")) > 0
    assert (tmp_path / "small" / "small.ckpt").read_bytes() == served.repositories["spaces/someone/small"]["small.ckpt"]


def test_what_is_there_already_is_not_fetched_again(served: Hub, tmp_path: Path) -> None:
    pull(CARD, tmp_path / "small")
    served.asked.clear()

    pull(CARD, tmp_path / "small")

    assert not [path for method, path, _ in served.asked if method == "GET" and "resolve" in path]


def test_a_file_that_moved_is_named_beside_what_is_there(served: Hub, tmp_path: Path) -> None:
    files = served.repositories["spaces/someone/small"]
    files["small_v2.ckpt"] = files.pop("small.ckpt")

    sentence = refused(tmp_path / "small")

    assert sentence.startswith("someone/small on the hub has no small.ckpt, but small_v2.ckpt, README.md")
    assert not (tmp_path / "small" / "decoder").exists()


def test_a_model_that_is_gone_is_a_sentence(served: Hub, tmp_path: Path) -> None:
    del served.repositories["spaces/someone/small"]

    assert "the hub has no place of small that is open to everybody" in refused(tmp_path / "small")


def test_a_hub_that_is_unwell_is_a_sentence(served: Hub, tmp_path: Path) -> None:
    served.answers = 500

    assert "the hub answered with 500 when asked for small; try again later" in refused(tmp_path / "small")


def test_offline_is_a_sentence(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")

        sentence = refused(tmp_path / "small")

    assert sentence.startswith("the hub cannot be reached (")
    assert "take them with `upbeat models add small PATH`" in sentence


def test_a_machine_without_names_for_hosts_is_a_sentence(
    served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_address(*asked: object, **ways: object) -> NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)

    assert refused(tmp_path / "small").startswith("the hub cannot be reached (")


def test_a_switch_against_the_network_is_obeyed(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    assert "HF_HUB_OFFLINE forbids to ask the hub for small; unset it" in refused(tmp_path / "small")
    assert served.asked == []


def test_room_is_looked_for_before_anything_comes(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = hub.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))

    assert "has 1.0 MB left; make room, or name another place with UPBEAT_HOME" in refused(tmp_path / "small")
    assert not [path for method, path, _ in served.asked if "resolve" in path]
