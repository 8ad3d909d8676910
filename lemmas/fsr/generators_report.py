"""What a comparison of generators shows, as numbers, Markdown and sentences.

Every sentence with a number in it is computed from the rows; nothing is said that another run could make false.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import isnan

import torch

from fsrcheck.report.markdown import row
from fsrcheck.report.numbers import number
from fsrcheck.runs.environment import versions
from lemmas.fsr.generators_comparison import (
    CLASSIFIED,
    COUPLING,
    CUTOFF,
    EVALUATED,
    EXPECTED_ACTIVE,
    NOISE,
    REFUSED,
    SECONDS,
    SETTINGS,
    Row,
)
from lemmas.fsr.generators_contenders import (
    ALGORITHM_4,
    CONTENDERS,
    COPULA,
    COPULAS,
    GAN,
    GANS,
    MINMAX,
    PEERS,
    RESAMPLING,
    TRUTH,
)
from lemmas.fsr.generators_rows import code
from lemmas.fsr.peers_report import processor

HEADING = """# Algorithm 4 beside what a user would fit instead

Given N joint samples of the patches of all levels, whose generated samples are nearer to fresh ones: those of the
paper's learner (Algorithm 4, level by level), or those of FastICA with a Gaussian copula of thresholded codes, of a
small multi-scale GAN trained on all levels together, or of patches drawn one by one from the data?
"""
READING = f"""Means over seeds; in brackets the least lower and the largest upper limit of two standard errors. The smallest
mean of the generators is bold, unless it is shared. All measures compare generated samples with fresh ones of the
target, {EVALUATED} a side, and "{TRUTH}" shows what they say of equal laws.

- AUC: a classifier (gradient boosting, {CLASSIFIED} samples a side, half of them to train) is shown the codes as the
  true dictionary reads them, with Gaussian noise of {NOISE:g} on both sides, where an active code has mean 1; 0.5 is
  best. One patch: a patch of the highest level alone.
- Pr[...] and E[...]: relative root mean square error over all channels, pairs or triples, less what sampling adds;
  c = {CUTOFF:g}.
- W2: bounds of the 2-Wasserstein distance over the root mean square norm, all levels together. Below: Gelbrich's, and
  along all columns of the true dictionary together; above: on one latent, which only a network has.
- Processor time: of all settings that were tried together."""
KNOWS = {
    ALGORITHM_4: "m, the parents of every patch, the form of the network; its settings were made on such targets",
    COPULA: "m, sparse codes that are not negative; not the parents, nor that a level is a function of the one below",
    GAN: "nothing",
    RESAMPLING: "the data, which it repeats",
}
CAVEATS = f"""- Every contender tries {len(MINMAX)} settings and keeps the one that a classifier least tells from a held-out
  fifth of the samples; what is measured was fitted to the other four fifths. Patches drawn one by one have nothing to
  set.
- The defaults of Algorithm 4, its working schedule, were chosen on targets of this kind with the errors in view, and the
  GAN's size on one of them; the copula has not been tuned beyond the settings below.
- A rectified Gaussian first level, and a second level with one parent and disjoint supports, are Gaussian copulas: there
  the copula's law is the true one. With one parent, patches of one level are independent, and patches drawn one by one
  have the right law level by level.
- The GAN trains for as many steps as the tables say; longer training was not tried here."""


@dataclass(frozen=True)
class Entry:
    """One measure of one contender at one size, over seeds."""

    value: float
    lower: float
    upper: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Entry":
        """Average values, and take the widest limits."""
        mean = sum(one.value for one in rows) / len(rows)
        return cls(mean, min(one.lower for one in rows), max(one.upper for one in rows))

    @property
    def text(self) -> str:
        """``0.024 (0.018 to 0.031)``, or the value alone where it has no limits of its own."""
        if self.lower == self.value == self.upper:
            return number(self.value, 3)
        return f"{number(self.value, 3)} ({number(self.lower, 2)} to {number(self.upper, 2)})"


Key = tuple[str, int, int, int]
"""Family, m, N and the GAN's steps."""


def key_of(one: Row) -> Key:
    """What the rows of one table share."""
    return one.cell.family, one.cell.num_channels, one.cell.num_samples, one.cell.gan_steps


def keys(rows: Iterable[Row]) -> list[Key]:
    """The tables there are: families in the order of ``SETTINGS``, then by size."""
    order = list(SETTINGS)
    return sorted({key_of(one) for one in rows}, key=lambda key: (order.index(key[0]), key[1:]))


def entries(rows: Iterable[Row], key: Key) -> dict[tuple[str, str], Entry]:
    """By contender and measure."""
    found: dict[tuple[str, str], list[Row]] = {}
    for one in rows:
        if key_of(one) == key:
            found.setdefault((one.contender, one.measure), []).append(one)
    return {name: Entry.of(group) for name, group in found.items()}


def measures(found: dict[tuple[str, str], Entry]) -> list[str]:
    """All measures in the order in which they were taken."""
    return [measure for measure in dict.fromkeys(measure for _, measure in found) if measure != REFUSED]


def table(rows: Sequence[Row], key: Key) -> tuple[list[str], list[list[str]]]:
    """Heading and lines of the table of one family and size: a line for each measure, a column for each contender."""
    found = entries(rows, key)
    named = [contender for contender in CONTENDERS if any(name == contender for name, _ in found)]
    lines = []
    for measure in measures(found):
        best = _best(found, measure)
        cells = [_cell(found, contender, measure, contender == best) for contender in named]
        lines.append([measure, *cells])
    return ["", *named], lines


def _cell(found: dict[tuple[str, str], Entry], contender: str, measure: str, best: bool) -> str:
    entry = found.get((contender, measure))
    if entry is None:
        return REFUSED if (contender, REFUSED) in found else ""
    return f"**{entry.text}**" if best else entry.text


def _best(found: dict[tuple[str, str], Entry], measure: str) -> str | None:
    """Whose mean is smallest, where several generators have the measure and one is smaller than all others."""
    values = {name: found[name, measure].value for name in (ALGORITHM_4, *PEERS) if (name, measure) in found}
    values = {name: value for name, value in values.items() if not isnan(value)}
    least = [name for name, value in values.items() if value == min(values.values())]
    return least[0] if len(values) > 1 and len(least) == 1 else None


def findings(rows: Sequence[Row]) -> list[str]:
    """For every table, who is nearest in how many measures, and where a peer is."""
    return [_finding(rows, key) for key in keys(rows)]


def _finding(rows: Sequence[Row], key: Key) -> str:
    found = entries(rows, key)
    judged = [measure for measure in measures(found) if measure not in (SECONDS, COUPLING)]
    best = {measure: _best(found, measure) for measure in judged}
    own = [measure for measure in judged if best[measure] == ALGORITHM_4]
    text = f"{title(key)}: Algorithm 4 is nearest in {len(own)} of {len(judged)} measures"
    for peer in PEERS:
        won = [measure for measure in judged if best[measure] == peer]
        if won:
            text += f"; {peer} in {len(won)}: {', '.join(f'`{name}`{_apart(found, peer, name)}' for name in won)}"
    return text + "." + "".join(sorted({f" {one.contender} refused: {one.note}." for one in _refused(rows, key)}))


def _apart(found: dict[tuple[str, str], Entry], peer: str, measure: str) -> str:
    """`` (within limits)`` where the limits of the peer and of Algorithm 4 overlap."""
    own, other = found.get((ALGORITHM_4, measure)), found[peer, measure]
    return " (within limits)" if own is not None and own.lower <= other.upper else ""


def _refused(rows: Iterable[Row], key: Key) -> list[Row]:
    return [one for one in rows if key_of(one) == key and one.measure == REFUSED]


def title(key: Key) -> str:
    """``family, m = 16, N = 20000``."""
    return f"{key[0]}, m = {key[1]}, N = {key[2]}"


def choices(rows: Iterable[Row], key: Key) -> str:
    """Which settings were chosen, and what the GAN was given."""
    chosen = [one for one in rows if key_of(one) == key and one.measure == SECONDS and one.contender != RESAMPLING]
    seeds = sorted({one.cell.seed for one in chosen})
    told = [f"{one.contender} {one.note}" for one in chosen]
    return f"Seeds {', '.join(map(str, seeds))}; {key[3]} steps of the GAN. Chosen, seed by seed: {'; '.join(told)}."


def markdown(rows: Sequence[Row], plot: str) -> str:
    """The whole report; ``plot`` is the file name of the figure."""
    parts = [HEADING, "## What it shows\n", *(f"- {text}" for text in findings(rows)), "\nRead with it:\n", CAVEATS]
    parts += [f"\n![area under the curve against processor time]({plot})\n", "## Numbers\n", READING]
    for key in keys(rows):
        parts += [f"\n### {title(key)}\n", _markdown_table(*table(rows, key)), "", choices(rows, key)]
    parts += ["\n## What each contender assumes or is given, beside the samples\n"]
    parts += [_markdown_table(["contender", "assumes or is given"], [list(item) for item in KNOWS.items()])]
    parts += ["\nSettings tried by the copula: " + "; ".join(COPULAS) + ". By the GAN: " + "; ".join(GANS)]
    parts[-1] += ". By Algorithm 4: " + "; ".join(MINMAX) + "."
    return "\n".join([*parts, "\n## Provenance\n", *(f"- {text}" for text in provenance(rows)), ""])


def provenance(rows: Iterable[Row]) -> list[str]:
    """Versions, hardware, families."""
    software = versions() | {"scikit-learn": version("scikit-learn")}
    run = {one.cell.family for one in rows}
    families = ", ".join(
        f"`{name}` ({', '.join(f'{key} {value}' for key, value in given.items())})"
        for name, given in SETTINGS.items()
        if name in run
    )
    return [
        f"Families: {families}; {number(EXPECTED_ACTIVE)} active channels on average at level 1.",
        "Versions: " + ", ".join(f"{name} {number_}" for name, number_ in software.items()) + ".",
        f"Hardware: {processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s) used.",
        f"Code: {code()}. All rows are in the CSV beside this file, from one run or (`--keep`) several.",
    ]


def _markdown_table(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(row(cells) for cells in (heading, ["---"] * len(heading), *lines))
