"""Beats and frames as a real Ardour has them: the numbers are what Ardour 7.3's own Lua said of this very map."""

import xml.etree.ElementTree as ET

import pytest

from bridge.hosts.ardour_tempo import TempoMap, tempo_map

# 97 BPM; 120 from bar 3; a ramp to 80 over bars 5 and 6; 80.
SESSION = """
<Session sample-rate="48000"><TempoMap superclocks-per-second="282240000">
  <Tempos>
    <Tempo npm="97.00000016611159" enpm="97.00000016611159" note-type="4" sclock="0" quarters="0:0" omega="0"/>
    <Tempo npm="120" enpm="120" note-type="4" sclock="1396651544" quarters="8:0" omega="0"/>
    <Tempo npm="120" enpm="80" note-type="4" sclock="2525611544" quarters="16:0" omega="-2.9525699168556315e-10"/>
    <Tempo npm="80" enpm="80" note-type="4" sclock="3898873209" quarters="24:0" omega="0"/>
  </Tempos>
  <Meters><Meter note-value="4" divisions-per-bar="4" sclock="0" quarters="0:0"/></Meters>
</TempoMap></Session>
"""
ARDOUR_SAYS = {
    0: 0, 0.5: 14845, 1: 29690, 1.25: 37113, 3.3: 97979, 7: 207835, 7.999: 237494, 8: 237525,
    8.1: 239925, 9: 261525, 13.37: 366400, 16: 429525, 16.5: 441652, 17: 454040, 18: 479644, 20: 534542,
    20.01: 534828, 22.22: 602307, 23: 628153, 24: 663073, 25: 699073, 25.7: 724273, 32: 951073, 1000: 35799073,
    4000.123: 143803498,
}  # fmt: skip


@pytest.fixture
def tempos() -> TempoMap:
    return tempo_map(ET.fromstring(SESSION))


def test_each_beat_is_on_ardours_own_frame_through_jumps_and_ramps_of_the_tempo(tempos: TempoMap) -> None:
    assert {beat: tempos.frame_at(beat) for beat in ARDOUR_SAYS} == ARDOUR_SAYS


def test_the_way_back_is_within_a_frame(tempos: TempoMap) -> None:
    for beat, frame in ARDOUR_SAYS.items():
        assert tempos.beat_at(frame) == pytest.approx(beat, abs=0.0006)  # Ardour counts 1920ths of a beat
        assert abs(tempos.frame_at(tempos.beat_at(frame)) - frame) <= 25  # half of such a part


def test_the_tempo_is_the_one_of_the_place(tempos: TempoMap) -> None:
    assert tempos.tempo_at(0) == pytest.approx(97)
    assert tempos.tempo_at(ARDOUR_SAYS[9]) == pytest.approx(120)
    assert tempos.tempo_at(ARDOUR_SAYS[20]) == pytest.approx(100, abs=0.001)
    assert tempos.tempo_at(ARDOUR_SAYS[1000]) == pytest.approx(80)


def test_a_tempo_of_eighths_counts_quarters(tempos: TempoMap) -> None:
    eighths = SESSION.replace(
        'npm="97.00000016611159" enpm="97.00000016611159" note-type="4"', 'npm="240" note-type="8"'
    )

    assert tempo_map(ET.fromstring(eighths)).tempo_at(0) == pytest.approx(120)


@pytest.mark.parametrize("broken", ["<Session/>", SESSION.replace("Tempo ", "Tempi "), SESSION.replace("8:0", "eight")])
def test_what_has_no_map_is_said_to_have_none(broken: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        tempo_map(ET.fromstring(broken))
