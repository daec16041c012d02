"""Our script put into Live's User Library and taken out again, with everything else left as it was."""

import plistlib
from pathlib import Path

import pytest

from bridge.hosts.base import HostChoice, HostError
from bridge.hosts.live import Live, LiveProduct
from bridge.hosts.live_install import Machine


def a_mac(home: Path, *, live: bool = True) -> Machine:
    if live:
        contents = home / "Applications" / "Ableton Live 12 Suite.app" / "Contents"
        contents.mkdir(parents=True)
        (contents / "Info.plist").write_bytes(plistlib.dumps({"CFBundleShortVersionString": "12.1.5 (2024-11-20)"}))
        (home / "Music" / "Ableton" / "User Library").mkdir(parents=True)
    return Machine(system="darwin", home=home, programs=[home / "Applications"])


def all_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_script_goes_into_the_user_library_and_away_again_without_a_trace(tmp_path: Path) -> None:
    product = LiveProduct(a_mac(tmp_path))
    before = all_in(tmp_path)

    said = product.install(None)

    ours = tmp_path / "Music" / "Ableton" / "User Library" / "Remote Scripts" / "Upbeat"
    assert said[0] == f"put our script into {ours}"
    assert "restart Live and choose Upbeat as a control surface" in said[1]
    assert (ours / "__init__.py").is_file()
    (ours / "__pycache__").mkdir()
    (ours / "__pycache__" / "osc.cpython-311.pyc").write_bytes(b"compiled by Live")
    assert product.remove(None) == [f"took our script out of {ours.parent}"]
    assert all_in(tmp_path) == before


def test_other_scripts_are_left_alone(tmp_path: Path) -> None:
    product = LiveProduct(a_mac(tmp_path))
    other = tmp_path / "Music" / "Ableton" / "User Library" / "Remote Scripts" / "AbletonOSC" / "manager.py"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")

    product.install(None)
    product.install(None)  # again, as after an update
    product.remove(None)

    assert all_in(other.parents[1]) == ["AbletonOSC", "AbletonOSC/manager.py"]
    assert product.remove(None) == [f"there is no script of ours in {other.parents[1]}"]


def test_a_folder_of_that_name_that_is_not_ours_is_never_overwritten(tmp_path: Path) -> None:
    product = LiveProduct(a_mac(tmp_path))
    theirs = tmp_path / "Music" / "Ableton" / "User Library" / "Remote Scripts" / "Upbeat" / "__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")

    with pytest.raises(HostError, match="is there already and is not Upbeat's; move it away"):
        product.install(None)
    product.remove(None)

    assert theirs.read_text() == "theirs"


def test_what_a_user_put_into_our_folder_stays(tmp_path: Path) -> None:
    product = LiveProduct(a_mac(tmp_path))
    product.install(None)
    ours = tmp_path / "Music" / "Ableton" / "User Library" / "Remote Scripts" / "Upbeat"
    (ours / "notes.txt").write_text("mine")

    (said,) = product.remove(None)

    assert said.endswith("where there is something that is not ours")
    assert all_in(ours) == ["notes.txt"]


def test_any_folder_can_be_named(tmp_path: Path) -> None:
    product = LiveProduct(a_mac(tmp_path, live=False))
    scripts = tmp_path / "elsewhere" / "Remote Scripts"
    scripts.mkdir(parents=True)

    with pytest.raises(HostError, match="upbeat hosts install live --folder DIR"):
        product.install(None)
    with pytest.raises(HostError, match="there is no folder"):
        product.install(tmp_path / "nowhere")
    product.install(scripts)
    assert (scripts / "Upbeat" / "surface.py").is_file()
    product.remove(scripts.parent)
    assert all_in(scripts) == []


def test_looking_finds_live_and_the_state_of_our_script(tmp_path: Path) -> None:
    product = LiveProduct(a_mac(tmp_path))

    def look() -> list[tuple[str, str]]:
        return [(found.what, found.state) for found in product.look()]

    assert product.look()[0].found == "Ableton Live 12 Suite (12.1.5)"
    assert look() == [("Ableton Live", "good"), ("our script", "missing")]
    product.install(None)
    assert look()[1] == ("our script", "good")
    (tmp_path / "Music/Ableton/User Library/Remote Scripts/Upbeat/osc.py").write_text("of another Upbeat")
    assert look()[1] == ("our script", "broken")


def test_windows_has_its_own_places(tmp_path: Path) -> None:
    (tmp_path / "ProgramData" / "Live 12 Suite").mkdir(parents=True)
    library = tmp_path / "OneDrive" / "Documents" / "Ableton" / "User Library"
    library.mkdir(parents=True)
    product = LiveProduct(Machine(system="win32", home=tmp_path, programs=[tmp_path / "ProgramData"]))

    assert product.look()[0].found == "Ableton Live 12 Suite"
    product.install(None)
    assert (library / "Remote Scripts" / "Upbeat" / "__init__.py").is_file()


def test_linux_is_told_that_it_has_no_live(tmp_path: Path) -> None:
    (found,) = LiveProduct(Machine(system="linux", home=tmp_path, programs=[])).look()

    assert (found.state, found.found[:29]) == ("missing", "there is no Live for Linux; u")


def test_the_product_gives_an_adapter_that_opens_nothing_yet() -> None:
    host = LiveProduct().host(HostChoice(name="live", port=7999))

    assert isinstance(host, Live)
    assert host.abilities == {"slot", "bar", "launch", "tempo", "tracks", "undo"}
    host.close()
