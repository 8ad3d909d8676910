"""The account of ``fsrcheck assumptions``: the constants of a folder's patches and of the controls, each beside its limit."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fsrcheck.images.folder import Gallery
from fsrcheck.images.patch_study import PICTURES, SPHERICAL, Study, StudySettings
from fsrcheck.model.premises import AssumptionConstants
from fsrcheck.report.numbers import number, plain
from fsrcheck.runs.environment import versions

MET, MISSED, UNDECIDED, NO_LIMIT = "met", "missed", "undecided", ""
LIMITED = {
    "activation_probability": "m max Pr[S_p > 0]",
    "mean_activation": "m min E S_p",
    "max_activation": "0.99 quantile of |S|_inf",
    "num_active": "0.99 quantile of |S|_0",
    "pair_probability": "m^2 Pr of the most frequent pair",
    "triple_probability": "m^2.01 Pr of the most frequent triple",
    "anti_concentration": "slope at 0",
    "joint_anti_concentration": "slope at 0 beside another",
    "sigma_min": "m^1.15 sigma_min(mu)",
    "nested_ratio": "Pr[both] / min Pr, largest",
}
"""Constants with a limit, in the order of the paper, and what they are."""
SHOWN = {
    "energy_ratio": "coefficients for 90 % of the energy / random basis",
    "energy_count": "coefficients for 90 % of the energy",
    "kurtosis": "kurtosis of a coefficient",
    "pair_excess": "pairs active together / independent ones",
    "chosen_pair_excess": "the most frequent pair / independent ones",
}
"""Constants without one."""
LOWER = ("mean_activation", "sigma_min")
BY_CHOICE = ("activation_probability", "mean_activation")
HEADING = (
    "constant",
    "limit",
    "pictures",
    "",
    "gaussian",
    "phase scrambled",
    "contrast normalised",
    "scale mixture",
    "sparse",
)


def limits_of(study: Study, settings: StudySettings) -> dict[str, float]:
    """The limits of ``fsrcheck.model.premises`` for k active channels, by constant; nested pairs: 1 - 1/d."""
    found = AssumptionConstants.defaults(settings.expected_active, len(study.reader.whitening.mean))
    limits = {name: float(getattr(found, name)) for name in LIMITED if name != "nested_ratio"}
    return {**limits, "nested_ratio": 1 - found.cross_gap}


def word_for(name: str, low: float, high: float, limit: float) -> str:
    """Whether an interval keeps a limit: ``MET``, ``MISSED``, or ``UNDECIDED`` where it holds the limit or is no number."""
    if name in LOWER:
        low, high, limit = -high, -low, -limit
    if not low <= high:  # one of them is no number
        return UNDECIDED
    if high <= limit:
        return MET
    return MISSED if low > limit else UNDECIDED


def account(
    folder: Path, gallery: Gallery, settings: StudySettings, seed: int, studies: Mapping[str, Study], columns: int
) -> dict[str, Any]:
    """All that is told, as plain JSON values; ``columns`` is how many Algorithm 5 found of the pictures' dictionary."""
    own = studies[PICTURES]
    limits = limits_of(own, settings)
    found = {
        "folder": str(folder),
        "pictures": [picture.name for picture in gallery.pictures],
        "skipped": [asdict(one) for one in gallery.skipped],
        "seed": seed,
        "settings": asdict(settings),
        "num_measured": own.means.num_pictures,
        "num_channels": own.reader.num_channels,
        "patch_dim": len(own.reader.whitening.mean),
        "limits": limits,
        "data": {name: _data(study, limits) for name, study in studies.items()},
        "algorithm_5_columns": columns,
        "versions": versions(),
    }
    return dict(plain(found))


def _data(study: Study, limits: Mapping[str, float]) -> dict[str, Any]:
    verdicts = {
        name: word_for(name, study.constants[name].low, study.constants[name].high, limit)
        for name, limit in limits.items()
    }
    return {
        "constants": {name: asdict(found) for name, found in study.constants.items()},
        "verdicts": verdicts,
        "learned": study.name not in SPHERICAL,
        "converged": study.converged,
        "coherence": study.coherence,
        "random_coherence": study.random_coherence,
    }


def rows(told: Mapping[str, Any]) -> list[list[str]]:
    """A line for each constant, under ``HEADING``."""
    found = [_row(told, name, text, _limit(told, name)) for name, text in LIMITED.items()]
    found += [_row(told, name, text, "") for name, text in SHOWN.items()]
    coherences = [number(one["coherence"] / one["random_coherence"], 2) for one in told["data"].values()]
    return [*found, ["mean square cosine of features / random ones", "", coherences[0], "", *coherences[1:]]]


def _limit(told: Mapping[str, Any], name: str) -> str:
    return f"{'≥' if name in LOWER else '≤'} {number(told['limits'][name], 3)}"


def _row(told: Mapping[str, Any], name: str, text: str, limit: str) -> list[str]:
    own, *others = (data["constants"][name] for data in told["data"].values())
    verdict = told["data"][PICTURES]["verdicts"].get(name, NO_LIMIT)
    word = f"{verdict} by choice" if name in BY_CHOICE and verdict == MET else verdict
    ends = f"{_number(own['value'])} [{_number(own['low'])}, {_number(own['high'])}]"
    return [text, limit, ends, word, *(_number(one["value"]) for one in others)]


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else number(value, 2)


def summary(told: Mapping[str, Any]) -> str:
    """What was looked at, in two sentences."""
    settings = told["settings"]
    side, used = settings["patch_side"], len(told["pictures"])
    colour = "in colour" if told["patch_dim"] > side**2 else "in grey"
    skipped = f", {len(told['skipped'])} skipped" if told["skipped"] else ""
    return (
        f"{used} pictures of {told['folder']}{skipped}; patches of {side} x {side} pixels {colour}, m = {told['num_channels']} "
        f"channels, k = {settings['expected_active']:g}; dictionary from {used - told['num_measured']} pictures, codes of the "
        f"other {told['num_measured']}; seed {told['seed']}. Algorithm 5 found {told['algorithm_5_columns']} of "
        f"{told['num_channels']} columns."
    )
