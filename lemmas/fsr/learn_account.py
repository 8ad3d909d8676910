"""The account of a learned generator: what every stage handed to the next, and with a known target how far off it was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from torch import Tensor

from fsrcheck.model.alignment import match_columns
from fsrcheck.model.coupling import QUANTILES, CouplingErrors, coupling_errors
from fsrcheck.model.target import TargetNetwork
from fsrcheck.report.markdown import row
from fsrcheck.report.numbers import number, plain
from fsrcheck.runs.environment import hardware, versions
from fsrcheck.training.minmax_gan import HandOver, Learned
from lemmas.fsr.learn_inputs import Inputs

GENERATOR = "generator.npz"
FRESH = 100_000  # latents for the coupling errors
HAND_OVER_HEADING = ("level", "stage", "handed over", "cutoff", "error, estimated", "error, true")
COUPLING_HEADING = (
    "level",
    "relative RMS",
    "standard error",
    "RMS",
    *(f"{q:g} quantile" for q in QUANTILES),
    "S <= S*",
)
READING = """The error of a dictionary is the largest distance of a column from the target's: as the learner estimates it, and
truly where the target is known. Cutoffs are in units of a typical code. Numbers are the largest over patches and instances;
`account.json` has them one by one."""


def account(learned: Learned, inputs: Inputs, seconds: float, run: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is told of a run, as plain JSON values.

    Per instance and patch: cutoffs and errors. ``run`` is the fingerprint.
    """
    found = {
        "generator": GENERATOR,
        "source": dict(inputs.source),
        "num_samples": learned.num_samples,
        "seeds": list(inputs.seeds),
        "num_channels": list(inputs.structure.num_channels),
        "parents": [[list(patch) for patch in level] for level in inputs.structure.parents],
        "settings": asdict(inputs.settings),
        "seconds": seconds,
        "hardware": hardware(inputs.samples.device.type),
        "versions": versions(),
        "units": learned.units.tolist(),
        "lowest_rates": inputs.lowest_rates,
        "expected_error": inputs.expected_error,
        "hand_overs": [_hand_over(one, inputs.target) for one in learned.history],
        "coupling": _coupling(learned, inputs),
        "run": dict(run),
    }
    return dict(plain(found))


def _hand_over(told: HandOver, target: TargetNetwork | None) -> dict[str, Any]:
    true = None if target is None else _true_error(told.dictionary, target.levels[told.level - 1].dictionary)
    return {
        "level": told.level,
        "stage": told.stage,
        "what": told.what,
        "cutoff": told.cutoff.tolist(),
        "estimated": told.estimated.tolist(),
        "true": None if true is None else true.tolist(),
    }


def _true_error(learned: Tensor, dictionary: Tensor) -> Tensor:
    """delta, (batch, patch)."""
    found = match_columns(learned.flatten(0, 1), dictionary.flatten(0, 1)).dictionary_error
    return found.reshape(dictionary.shape[:2])


def _coupling(learned: Learned, inputs: Inputs) -> dict[str, Any] | None:
    """The fields of ``CouplingErrors`` but U, (batch, level) or (batch, level, quantile)."""
    if inputs.target is None:
        return None
    errors = coupling_errors(learned.network, inputs.target, seeds=inputs.seeds, num_samples=FRESH)
    names = [item.name for item in fields(CouplingErrors) if item.name != "coupling"]
    values = {name: getattr(errors, name) for name in names}
    return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in values.items()}


def hand_over_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """A line for each hand-over, under ``HAND_OVER_HEADING``."""
    return [
        [
            *(str(one[name]) for name in ("level", "stage", "what")),
            *(number(_largest(one[name]), 3) for name in ("cutoff", "estimated", "true")),
        ]
        for one in told["hand_overs"]
    ]


def coupling_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """A line for each level and one for all of them, under ``COUPLING_HEADING``; none where the target is not known."""
    errors = told["coupling"]
    if errors is None:
        return []
    num_levels = len(told["num_channels"])
    return [
        [
            str(level + 1) if level < num_levels else "all",
            *(number(_at(errors[name], level), 3) for name in ("relative_rms", "relative_error", "error_rms")),
            *(number(max(one[level][place] for one in errors["quantiles"]), 3) for place in range(len(QUANTILES))),
            number(min(one[level] for one in errors["one_sided"]), 3),
        ]
        for level in range(num_levels + 1)
    ]


def _at(values: Sequence[Sequence[float]], level: int) -> float:
    return max(one[level] for one in values)


def _largest(values: Any) -> float | None:
    """Of nested lists of numbers, "inf" and "nan" among them."""
    if isinstance(values, list):
        found = [_largest(value) for value in values]
        return max((value for value in found if value is not None), default=None)
    return None if values is None else float(values)


def summary(told: Mapping[str, Any]) -> str:
    """What was learned, from what, and how long it took, in one sentence or two."""
    ((option, path),) = told["source"].items()
    channels = ", ".join(map(str, told["num_channels"]))
    origin = f"the target {path}" if option == "target" else path
    learned = (
        f"{len(told['num_channels'])} levels of {channels} channels from {told['num_samples']} samples of {origin}"
    )
    return (
        f"{learned}, seed {told['seeds'][0]}, in {told['seconds']:.1f} s on {told['hardware']}. "
        f"By rule, the working schedule has a relative coupling RMS of about {number(told['expected_error'], 2)}."
    )


def markdown(told: Mapping[str, Any]) -> str:
    """The account as people read it."""
    parts = ["# A learned generator", summary(told)]
    if told["coupling"] is not None:
        text = (
            f"Distance of G(z) and G*(U z) on {FRESH} fresh latents; S <= S* is the share where no code is too large."
        )
        parts += ["## Beside the target", text, _table(COUPLING_HEADING, coupling_rows(told))]
    parts += ["## Hand-overs", READING, _table(HAND_OVER_HEADING, hand_over_rows(told))]
    parts += [
        "## Settings",
        _table(("setting", "value"), [[name, str(value)] for name, value in told["settings"].items()]),
    ]
    parts += ["## Versions", ", ".join(f"{name} {version}" for name, version in told["versions"].items())]
    return "\n\n".join(parts) + "\n"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([row(heading), row("---" for _ in heading), *(row(cells) for cells in rows)])
