"""What a comparison with the peers shows, as numbers, Markdown, CSV and a plot.

Every sentence with a number in it is computed from the rows; nothing is said that another run could make false.
"""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from math import exp, inf, isfinite, log
from pathlib import Path
from statistics import median

from fsrcheck.report.numbers import number
from fsrcheck.runs.environment import versions
from lemmas.fsr.peers_comparison import (
    CONTENDERS,
    DECODED,
    EXPECTED_ACTIVE,
    FITTED,
    LEARNING,
    LOGCOSH_ICA,
    MIXED,
    PAPERS,
    PEERS,
    POWER,
    SETTINGS,
    SKEW_ICA,
    TRUE,
    WARM,
    Row,
)
from lemmas.fsr.peers_rows import code

HEADING = """# Algorithms 5 and 1 beside FastICA, dictionary learning and tensor power

Given N patches X = W S of one kind and nothing else, who finds the dictionary W more accurately: the paper's learner of the
output layer (Algorithm 5, then Algorithm 1 on the same patches) or what a user would take instead?
"""
GAINS = """By what factor the largest error falls with more patches of the same instances. Sampling noise alone would fall
with the square root of N; what does not fall is a bias, such as that of methods whose components are uncorrelated by
construction where the channels are not."""
READING = """Errors are distances of unit columns after matching, signs not flipped: the largest, and the median in brackets,
each as the geometric mean over seeds; then the wall time in seconds, the median over seeds. A star: a run said that it had
not converged. An infinite error: a column is missing; then Algorithm 1 was not run and its rows repeat Algorithm 5's."""
KNOWS = {
    WARM: "an orthonormal dictionary, codes that are sparse and not negative",
    TRUE: "as Algorithm 5; given beside: the law of the codes, and which column is which channel (Algorithm 2 is to learn it)",
    FITTED: "as Algorithm 5; codes are rectified Gaussians and independent; scales and thresholds are fitted",
    DECODED: "as Algorithm 5; the learner's codes are the patches' own as its dictionary reads them (not the paper's)",
    LOGCOSH_ICA: "independent channels",
    SKEW_ICA: "independent channels, skewed codes",
    LEARNING: "sparse codes that are not negative; its penalty was chosen with the truth in view",
    POWER: "independent channels, skewed codes",
    MIXED: "as FastICA and as decoded codes",
}
CAPTION = "Marks are numbered with m; lines join the sizes at one N."
CAVEATS = """- Algorithm 1 is run as its quadratic surrogate, with as many generated codes as there are patches. Generating without
  limit would divide the noise of both sides together by at most the square root of 2.
- With drawn codes (true or fitted law) the patches and the generated codes are different samples, so that what pairs of
  channels do by chance in N samples stays as an error. With decoded codes both sides share their samples, and it cancels.
- Patches here are X = W S exactly. Decoding draws on that; what it does on noisy patches is not measured.
- Decoded codes are a departure from the paper. Started from FastICA's dictionary instead of Algorithm 5's, they show what
  is due to the warm start and what to the sharpening.
- The settings of the pipelines (cutoffs, rounds, steps) and dictionary learning's penalty were chosen with the errors in
  view, on instances with seeds 0 and 1 among others; FastICA and tensor power have one setting each and were not tuned.
- Times are of one thread, one contender after the other on each data set; their ratios within a column mean something. "Equal
  time" compares processor times (in the CSV), which other work on the same machine hardly changes."""


@dataclass(frozen=True)
class Group:
    """The rows of one contender on one family at one size, over seeds."""

    rows: tuple[Row, ...]

    @cached_property
    def error(self) -> float:
        """Geometric mean of the largest column errors."""
        return geometric_mean(row.error for row in self.rows)

    @cached_property
    def median(self) -> float:
        """Geometric mean of the median column errors."""
        return geometric_mean(row.median for row in self.rows)

    @cached_property
    def seconds(self) -> float:
        """Median wall time."""
        return median(row.seconds for row in self.rows)

    @property
    def text(self) -> str:
        """``0.024 (0.018) 1.30``; a star where a run said that it had not converged."""
        star = "" if all(row.converged for row in self.rows) else "*"
        return f"{number(self.error, 2)} ({number(self.median, 2)}) {self.seconds:.2f}{star}"


def geometric_mean(values: Iterable[float]) -> float:
    """exp of the mean logarithm; infinite if one value is."""
    found = list(values)
    return exp(sum(map(log, found)) / len(found)) if all(map(isfinite, found)) else inf


def grouped(rows: Iterable[Row]) -> dict[tuple[int, int, str, str], Group]:
    """Rows by (N, m, contender, family)."""
    found: dict[tuple[int, int, str, str], list[Row]] = {}
    for row in rows:
        cell = row.cell
        found.setdefault((cell.num_samples, cell.num_channels, row.contender, cell.family), []).append(row)
    return {key: Group(tuple(group)) for key, group in found.items()}


def table(rows: Sequence[Row], num_samples: int, num_channels: int) -> tuple[list[str], list[list[str]]]:
    """Heading and lines of the table of one size: a line for each contender, a column for each family."""
    groups = grouped(rows)
    families = [name for name in SETTINGS if (num_samples, num_channels, CONTENDERS[0], name) in groups]
    lines = [
        [contender, *(groups[num_samples, num_channels, contender, name].text for name in families)]
        for contender in CONTENDERS
    ]
    return ["", *families], lines


def families_of(rows: Iterable[Row]) -> list[str]:
    """The families that were run, in the order of ``SETTINGS``."""
    run = {row.cell.family for row in rows}
    return [name for name in SETTINGS if name in run]


def sizes(rows: Iterable[Row]) -> list[tuple[int, int]]:
    """All (N, m), in ascending order."""
    return sorted({(row.cell.num_samples, row.cell.num_channels) for row in rows})


@dataclass(frozen=True)
class Duel:
    """One contender against the peers, data set by data set.

    Attributes:
        equal_samples: own error over that of the most accurate peer on the same patches.
        equal_time: the same with the most accurate peer that took no more processor time on the same instance, whatever
            its N; 0 where no peer was as fast.
    """

    contender: str
    equal_samples: tuple[float, ...]
    equal_time: tuple[float, ...]

    @property
    def cells(self) -> list[str]:
        """Wins at equal samples, the ratio with its range, wins at equal time."""
        return [_wins(self.equal_samples), _spread(self.equal_samples), _wins(self.equal_time)]

    @property
    def text(self) -> str:
        """The outcome in two sentences."""
        samples, spread, quick = self.cells
        return (
            f"**{self.contender}**: at equal samples more accurate than every peer on {samples} data sets, its largest "
            f"column error {spread} times that of the best peer; at equal time more accurate than every peer that took no "
            f"longer on {quick}."
        )


def _wins(ratios: Sequence[float]) -> str:
    return f"{sum(ratio < 1 for ratio in ratios)} of {len(ratios)}"


def _spread(ratios: Sequence[float]) -> str:
    return f"{number(geometric_mean(ratios), 2)} ({number(min(ratios), 2)} to {number(max(ratios), 2)})"


def duel(rows: Sequence[Row], contender: str) -> Duel:
    """Put one contender against the peers."""
    own = [row for row in rows if row.contender == contender]
    peers = [row for row in rows if row.contender in PEERS]
    same = [[p.error for p in peers if p.cell == row.cell] for row in own]
    quick = [[p.error for p in peers if _same_instance(p, row) and p.cpu_seconds <= row.cpu_seconds] for row in own]
    return Duel(contender, *(tuple(map(_over, own, others)) for others in (same, quick)))


def _same_instance(one: Row, other: Row) -> bool:
    a, b = one.cell, other.cell
    return (a.family, a.num_channels, a.seed) == (b.family, b.num_channels, b.seed)


def _over(row: Row, others: Sequence[float]) -> float:
    return row.error / min(others, default=inf) if isfinite(row.error) else inf


def duels(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Heading and lines of the table of all duels, family by family."""
    heading = ["", "family", "ahead at equal samples", "error over the best peer's", "ahead at equal time"]
    return heading, [
        [contender, family, *duel([row for row in rows if row.cell.family == family], contender).cells]
        for contender in (*PAPERS, MIXED)
        for family in families_of(rows)
    ]


def gains(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Heading and lines of a table: by how much the largest error falls from the smallest to the largest N.

    On the instances that were run at both; the table is empty where there are none.
    """
    error = {(row.contender, row.cell): row.error for row in rows}
    few, many = (choose(row.cell.num_samples for row in rows) for choose in (min, max))
    pairs = [(cell, more) for _, cell in error if (more := replace(cell, num_samples=many)) != cell]
    pairs = [(cell, more) for cell, more in dict(pairs).items() if cell.num_samples == few and (WARM, more) in error]
    families = [name for name in SETTINGS if any(cell.family == name for cell, _ in pairs)]

    def gain(contender: str, family: str) -> str:
        both = [(error[contender, a], error[contender, b]) for a, b in pairs if a.family == family]
        return number(geometric_mean(a for a, _ in both) / geometric_mean(b for _, b in both), 2)

    lines = [[contender, *(gain(contender, family) for family in families)] for contender in CONTENDERS]
    return [f"N = {few} to {many}", *families], lines if families else []


def best_peers(rows: Sequence[Row]) -> str:
    """How often each peer was the most accurate of them."""
    cells = {row.cell for row in rows}
    best = [min((r for r in rows if r.cell == cell and r.contender in PEERS), key=lambda r: r.error) for cell in cells]
    counts = {peer: sum(row.contender == peer for row in best) for peer in PEERS}
    return f"Most accurate among the peers: {', '.join(f'{peer} {count}' for peer, count in counts.items())} of {len(cells)}."


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows show, sentence by sentence."""
    return [best_peers(rows), *(duel(rows, contender).text for contender in (*PAPERS, MIXED))]


def markdown(rows: Sequence[Row], plot: str) -> str:
    """The whole report; ``plot`` is the file name of the figure."""
    parts = [
        HEADING,
        "## What it shows\n",
        "\n".join(f"- {text}" for text in findings(rows)),
        "\nRead with it:\n",
        CAVEATS,
    ]
    parts += [f"\n![largest column error against wall time]({plot})\n", "## Numbers\n", READING]
    for num_samples, num_channels in sizes(rows):
        parts += [
            f"\n### m = {num_channels}, N = {num_samples}\n",
            _markdown_table(*table(rows, num_samples, num_channels)),
        ]
    heading, lines = gains(rows)
    if lines:
        parts += ["\n### More patches\n", GAINS, "", _markdown_table(heading, lines)]
    parts += ["\n## What each contender assumes or is given, beside the patches and m\n"]
    parts += [_markdown_table(["contender", "assumes or is given"], [list(item) for item in KNOWS.items()])]
    return "\n".join([*parts, "\n## Provenance\n", *(f"- {text}" for text in provenance(rows)), ""])


def _markdown_table(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(heading)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, rule, *lines))


def provenance(rows: Sequence[Row]) -> list[str]:
    """Versions, hardware, data and seeds."""
    software = versions() | {"scikit-learn": version("scikit-learn")}
    seeds = {size: sorted({row.cell.seed for row in rows if _size(row) == size}) for size in sizes(rows)}
    families = ", ".join(f"`{name}` {_settings(name)}".strip() for name in families_of(rows))
    busy = median(row.seconds / row.cpu_seconds for row in rows if row.cpu_seconds > 0)
    return [
        f"Families: {families}; {number(EXPECTED_ACTIVE)} active channels on average, the first patch of the highest level.",
        "Seeds: "
        + "; ".join(f"{', '.join(map(str, found))} at m = {m}, N = {n}" for (n, m), found in seeds.items())
        + ".",
        "Versions: " + ", ".join(f"{name} {number_}" for name, number_ in software.items()) + ".",
        f"Hardware: {processor()}, {os.cpu_count()} cores, one thread used.",
        f"Wall time over processor time: {number(busy, 2)} at the median; where that is above 1, other work ran beside.",
        f"Code: {code()}. All rows are in the CSV beside this file, from one run or (`--keep`) several.",
    ]


def _size(row: Row) -> tuple[int, int]:
    return row.cell.num_samples, row.cell.num_channels


def _settings(family: str) -> str:
    given = ", ".join(f"{name} {value}" for name, value in SETTINGS[family].items())
    return f"({given})" if given else ""


def processor() -> str:
    """The processor's model where the system tells it, else its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
