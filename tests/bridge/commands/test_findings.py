"""What `upbeat doctor` says of folders, ports and stumbling looks; the whole of it is run in tests/whole."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.commands import findings
from bridge.commands.findings import Finding, bridge_port, examine, folders, plugin
from bridge.hosts.plugin_build import OURS


def test_folders_that_can_be_made_are_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / "not" / "there" / "yet"))

    assert {finding.state for finding in folders()} == {"good"}


def test_without_a_place_for_takes_no_set_can_be_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / "file"))

    takes, _, cache, _ = folders()

    assert (takes.state, cache.state) == ("broken", "missing")
    assert "name another with UPBEAT_HOME" in takes.found


def test_a_port_that_another_program_has_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]

        [taken] = bridge_port(port)
    [free] = bridge_port(port)

    assert taken.found == f"{port} is taken by another program; choose another with --osc-port"
    assert free.found == f"{port} is free"


def test_the_plug_in_is_found_where_hosts_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")

    [away] = plugin()
    bundle = tmp_path / ".lv2" / "upbeat.lv2"
    bundle.mkdir(parents=True)
    (bundle / "upbeat_dsp.so").write_bytes(OURS)
    [there] = plugin()

    assert (away.state, away.found) == ("missing", "`upbeat hosts install plugin` puts it where hosts look")
    assert (there.state, there.found) == ("good", f"in {tmp_path / '.lv2'}")


def test_a_look_that_stumbles_is_a_finding_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbling() -> Iterator[Finding]:
        raise RuntimeError("no such bus")
        yield

    monkeypatch.setattr(findings, "midi", stumbling)
    monkeypatch.setattr(findings, "torch_and_gpu", lambda needed: iter(()))

    found = examine(osc_port=0, engine_endpoint="tcp://127.0.0.1:1")

    assert Finding(what="doctor", state="broken", found="RuntimeError: no such bus") in found
    assert {"upbeat", "takes", "weights"} <= {finding.what for finding in found}
