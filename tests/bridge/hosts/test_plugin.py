"""Our plug-in put where hosts look and taken away again: files that stand in for a built one, and one built here."""

import subprocess
from pathlib import Path

import pytest

from bridge.hosts.base import HostChoice, HostError
from bridge.hosts.plugin import PluginProduct
from bridge.hosts.plugin_build import BUNDLES, OURS, SOURCES, Machine, is_ours
from tests.plugin.conftest import lacking

needs_a_compiler = pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}")


def machine(home: Path, *, system: str = "linux", **environment: str) -> Machine:
    return Machine(system=system, home=home, environment={"PATH": "/nowhere", **environment})


def a_built_one(folder: Path, *, words: bytes = b"1" + OURS) -> Path:
    """Files in the place and of the names of a built plug-in."""
    for bundle in BUNDLES:
        path = folder / bundle
        if bundle.endswith(".clap"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(words)
        else:
            (path / "Contents").mkdir(parents=True)
            (path / "Contents" / "binary.so").write_bytes(words)
    return folder


def test_a_built_one_is_copied_where_each_format_is_looked_for(tmp_path: Path) -> None:
    home, built = tmp_path / "home", a_built_one(tmp_path / "built")

    said = PluginProduct(machine(home)).install(built)

    assert (home / ".vst3" / "upbeat.vst3" / "Contents" / "binary.so").is_file()
    assert (home / ".lv2" / "upbeat-track.lv2").is_dir()
    assert (home / ".clap" / "upbeat.clap").is_file()
    assert f"put {home / '.vst3' / 'upbeat.vst3'}" in said
    assert any("REAPER: " in sentence and "Re-scan" in sentence for sentence in said)


def test_a_newer_one_takes_the_place_of_an_older_one_of_ours(tmp_path: Path) -> None:
    home = tmp_path / "home"
    PluginProduct(machine(home)).install(a_built_one(tmp_path / "old"))

    PluginProduct(machine(home)).install(a_built_one(tmp_path / "new", words=b"2" + OURS))

    assert (home / ".clap" / "upbeat.clap").read_bytes() == b"2" + OURS
    assert sorted(path.name for path in (home / ".vst3").iterdir()) == ["upbeat-track.vst3", "upbeat.vst3"]


def test_what_is_not_ours_is_neither_replaced_nor_taken_away(tmp_path: Path) -> None:
    home = tmp_path / "home"
    theirs = home / ".clap" / "upbeat.clap"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"somebody else's")
    product = PluginProduct(machine(home))

    with pytest.raises(HostError, match="is no plug-in of ours, so it stays"):
        product.install(a_built_one(tmp_path / "built"))
    product.remove(None)

    assert theirs.read_bytes() == b"somebody else's"


def test_it_is_taken_away_again_and_nothing_else_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    product = PluginProduct(machine(home))
    product.install(a_built_one(tmp_path / "built"))
    other = home / ".vst3" / "Another.vst3"
    other.mkdir()

    said = product.remove(None)

    assert len(said) == len(BUNDLES) + 1
    assert [path.name for path in (home / ".vst3").iterdir()] == ["Another.vst3"]
    assert product.remove(None) == ["there was no plug-in of ours; nothing was taken away"]


def test_what_is_missing_to_build_it_is_said_in_one_sentence(tmp_path: Path) -> None:
    product = PluginProduct(machine(tmp_path, DPF_DIR=str(tmp_path / "none")))

    with pytest.raises(HostError, match=r"lacks a C\+\+ compiler, make, pkg-config, DPF .*none\).*apt install g\+\+"):
        product.install(None)


@pytest.mark.parametrize(("system", "word"), [("darwin", "brew"), ("win32", "MSYS2")])
def test_each_system_is_told_its_own_way(system: str, word: str, tmp_path: Path) -> None:
    product = PluginProduct(machine(tmp_path, system=system))

    with pytest.raises(HostError, match=word):
        product.install(None)


def test_where_hosts_look_on_each_system() -> None:
    home = Path("/home/me")

    mac, windows = (
        Machine(system="darwin", home=home).folders,
        machine(home, system="win32", APPDATA="/roaming").folders,
    )
    assert mac["vst3"] == home / "Library/Audio/Plug-Ins/VST3"
    assert windows["lv2"] == Path("/roaming/LV2")
    assert windows["clap"] == home / "AppData/Local/Programs/Common/CLAP"


def test_a_look_says_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    product = PluginProduct(machine(tmp_path / "home"))
    before = product.look()
    product.install(a_built_one(tmp_path / "built"))

    assert [found.state for found in before] == ["missing", "missing"]
    assert product.look()[0].state == "good"
    assert str(tmp_path / "home" / ".vst3") in product.look()[0].found


def test_there_is_no_host_to_connect_to() -> None:
    with pytest.raises(HostError, match="the plug-in connects to us"):
        PluginProduct().host(HostChoice(name="plugin"))


@needs_a_compiler
def test_make_takes_no_build_folder_with_spaces_and_says_so(tmp_path: Path) -> None:
    said = make("needs", f"BUILD={tmp_path / 'my plug-ins'}")

    assert said.returncode == 2
    assert "and make takes no folder with spaces: leave it out, or name another" in said.stderr
    assert make("needs", "DPF_DIR=/my frameworks/DPF").stderr.count("DPF_DIR is") == 1


@pytest.mark.plugin
@pytest.mark.hosts  # it builds the plug-in
@needs_a_compiler
def test_it_is_built_in_a_home_with_spaces_and_put_where_hosts_look(tmp_path: Path) -> None:
    home = tmp_path / "a home of mine"
    there = Machine(home=home)

    PluginProduct(there, build_folder=home / "the cache").install(None)

    assert all(is_ours(there.folders[bundle.rpartition(".")[2]] / bundle) for bundle in BUNDLES)
    assert (home / ".lv2" / "upbeat.lv2" / "upbeat_dsp.so").is_file()
    sources, built = home / "the cache" / "sources", home / "the cache" / "built"
    before = (built / "upbeat.done").stat().st_mtime_ns
    PluginProduct(there, build_folder=home / "the cache").install(None)
    assert (built / "upbeat.done").stat().st_mtime_ns == before  # nothing has changed, so nothing is built again

    another, package = tmp_path / "another home", tmp_path / "a package"
    for words in ([f"HOME={another}"], [f"DESTDIR={package}", "PREFIX=/opt/my music"]):
        assert make("install", "BUILD=../built", *words, folder=sources).returncode == 0
    for bundles in (another / ".vst3", package / "opt" / "my music" / "lib" / "vst3"):
        assert is_ours(bundles / "upbeat-track.vst3")


def make(*words: str, folder: Path = SOURCES) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", "-C", folder, *words], capture_output=True, text=True, timeout=30)
