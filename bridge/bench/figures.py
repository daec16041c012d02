"""A measured figure: median and p99 of n runs, and how it compares with a yardstick from the same minute."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.scheduler import percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured. A machine that is busy slows the yardstick too, so `ratio` says more than the figure alone."""

    name: str
    unit: str
    median: float
    p99: float
    n: int
    ratio: float | None = None  # of the median to that of the yardstick
    yardstick: str = ""


def figure(
    name: str, unit: str, values: Sequence[float], *, yardstick: str = "", against: Sequence[float] = ()
) -> Figure:
    """The figure of `values`, compared with those of the yardstick if there are any.

    >>> figure("load", "ms", [3.0, 1.0, 2.0], yardstick="nothing", against=[0.5]).ratio
    4.0
    """
    ordered, median_against = sorted(values), percentile(sorted(against), 0.5) if against else 0.0
    median = percentile(ordered, 0.5)
    return Figure(
        name=name,
        unit=unit,
        median=median,
        p99=percentile(ordered, 0.99),
        n=len(ordered),
        ratio=median / median_against if median_against > 0 else None,
        yardstick=yardstick if median_against > 0 else "",
    )
