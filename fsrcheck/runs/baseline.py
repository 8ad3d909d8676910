"""The baseline: what the last accepted run measured of every statement, for comparison only.

One JSON object, format ``fsrcheck.baseline/1``. It is keyed by statement, claim and parameters, and says nothing of
the machine. A *sample* is ``[low, median, high, number of trials]``; infinities are the strings "inf" and "-inf", and
nothing is NaN.

==============  ======================================================================================================
key             what it holds
==============  ======================================================================================================
``format``      ``fsrcheck.baseline/1``; any other is foreign
``papers``      ids of the papers whose statements are compared
``statements``  by id: an object with the keys below
==============  ======================================================================================================

Of a statement: ``verdict`` and ``verdict_of_claims`` (names); ``scale``, ``seeds`` and ``trials`` (of each case in one
run) say what was run; ``from_size`` (a number or null); and by name

- ``constants``: ``value``, ``provenance``;
- ``claims``: ``outcome``; ``constants`` (names of those it rests on); ``upper`` (whether the bound is from above; null
  without one); ``claimed`` (the exponent; null without one) and whether it is ``two_sided``; ``exponents`` by series:
  ``value``, ``interval`` as it was judged, and ``limits`` that miss with half the probability ``shifts.SHARE``;
  ``cases`` by parameters: ``outcome``, ``measured`` (the tightest), ``bound``, ``slack`` (over the trials; or null);
- ``counts``: for each, a sample by case;
- ``controls``: ``claim``, ``caught``, ``strength`` (1 / slack by case, a sample over runs: by what factor the control
  is beyond the bound).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsrcheck.errors import FsrcheckError, RecordError
from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.runs.records import encode_number, write_atomically
from fsrcheck.runs.shifts import ROOM, Sample, Samples

FORMAT = "fsrcheck.baseline/1"
BASELINE = Path("reports/baseline.json")
LINE_DEPTH = 6  # what lies deeper (a case) stands on one line, so that a change is one line of the difference


class BaselineError(RecordError):
    """There is no baseline to compare with: the file is missing, torn or foreign."""


@dataclass(frozen=True)
class KeptConstant:
    """A constant's value and origin."""

    value: float
    provenance: Provenance


@dataclass(frozen=True)
class KeptExponent:
    """A fitted exponent: its interval as judged, and limits wide enough for a comparison."""

    value: float
    interval: tuple[float, float]
    limits: tuple[float, float]


@dataclass(frozen=True)
class KeptCase:
    """A claim at one set of parameters; measured is the tightest, slack a sample over the trials."""

    outcome: Outcome
    measured: float | None = None
    bound: float | None = None
    slack: Sample | None = None


@dataclass(frozen=True)
class KeptClaim:
    """How a claim came out; see the module for the fields."""

    outcome: Outcome
    constants: tuple[str, ...] = ()
    upper: bool | None = None
    claimed: float | None = None
    two_sided: bool = False
    exponents: Mapping[str, KeptExponent] = field(default_factory=dict)
    cases: Mapping[str, KeptCase] = field(default_factory=dict)

    @property
    def slacks(self) -> Samples:
        """The slack of every case that has one."""
        return {name: case.slack for name, case in self.cases.items() if case.slack is not None}


@dataclass(frozen=True)
class KeptControl:
    """Whether a control was caught, and how far beyond the bound it was."""

    claim: str
    caught: bool
    strength: Samples = field(default_factory=dict)


@dataclass(frozen=True)
class KeptStatement:
    """All that is kept of one statement; see the module for the fields."""

    verdict: Verdict
    verdict_of_claims: Verdict
    scale: str
    seeds: tuple[int, ...]
    trials: int
    from_size: float | None
    constants: Mapping[str, KeptConstant]
    claims: Mapping[str, KeptClaim]
    counts: Mapping[str, Samples]
    controls: Mapping[str, KeptControl]

    @property
    def by_chance(self) -> int:
        """Number of quantities that vary by chance: every case, and the cases of a claim together."""
        tables = [claim.slacks for claim in self.claims.values()]
        tables += [*self.counts.values(), *(control.strength for control in self.controls.values())]
        return sum(len(table) + 1 for table in tables if table) + sum(len(c.exponents) for c in self.claims.values())


@dataclass(frozen=True)
class Baseline:
    """What is kept of all statements of some papers."""

    papers: tuple[str, ...]
    statements: Mapping[str, KeptStatement]


def baseline_of(statements: Mapping[str, KeptStatement]) -> Baseline:
    """The baseline of some statements by id, with the papers that these are of."""
    return Baseline(tuple(sorted({_paper(name) for name in statements})), statements)


def _paper(statement: str) -> str:
    return statement.split(".", 1)[0]


def read_baseline(path: Path, papers: Sequence[str]) -> Baseline:
    """Read the baseline of some installed papers.

    Raises:
        BaselineError: the file is missing, cut off or no JSON, of another format, or about a paper that is not among
            ``papers``.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BaselineError(f"baseline must be there, got no file {str(path)!r}; an update writes one") from None
    except OSError as error:
        raise BaselineError(f"baseline must be a readable file, got {str(path)!r} ({error.strerror})") from None
    except ValueError as error:
        raise BaselineError(f"baseline must be whole, got {str(path)!r} torn or no JSON ({error})") from None
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise BaselineError(f"baseline must be of format {FORMAT}, got {str(path)!r} of {found or 'none'}")
    try:
        baseline = _from_json(content)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BaselineError(f"baseline must be what an update writes, got {str(path)!r} without {error}") from None
    if absent := set(baseline.papers) - set(papers):
        wanted = f"baseline must be of installed papers ({', '.join(papers) or 'none'})"
        raise BaselineError(f"{wanted}, got {str(path)!r} of {', '.join(sorted(absent))}")
    return baseline


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the whole file; readers see the old or the new one, never half of it.

    Raises:
        FsrcheckError: more quantities that vary by chance than the error budget of a comparison is shared out over.
    """
    total = sum(kept.by_chance for kept in baseline.statements.values())
    if total > ROOM:
        raise FsrcheckError(f"baseline must hold at most {ROOM} quantities that vary by chance, got {total}")
    write_atomically(path, _laid_out(_to_json(baseline)) + "\n")


def statement_to_json(kept: KeptStatement) -> dict[str, Any]:
    """What is kept of a statement as plain JSON values; the trials' own values are left out."""
    return {
        "verdict": kept.verdict.name,
        "verdict_of_claims": kept.verdict_of_claims.name,
        "scale": kept.scale,
        "seeds": list(kept.seeds),
        "trials": kept.trials,
        "from_size": _number(kept.from_size),
        "constants": {
            name: {"value": _number(constant.value), "provenance": constant.provenance.name.lower()}
            for name, constant in kept.constants.items()
        },
        "claims": {name: _claim_to_json(claim) for name, claim in kept.claims.items()},
        "counts": {name: _samples_to_json(samples) for name, samples in kept.counts.items()},
        "controls": {
            name: {"claim": c.claim, "caught": c.caught, "strength": _samples_to_json(c.strength)}
            for name, c in kept.controls.items()
        },
    }


def statement_from_json(content: Mapping[str, Any]) -> KeptStatement:
    """The inverse of ``statement_to_json``.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: the content is something else.
    """
    return KeptStatement(
        verdict=Verdict[content["verdict"]],
        verdict_of_claims=Verdict[content["verdict_of_claims"]],
        scale=str(content["scale"]),
        seeds=tuple(map(int, content["seeds"])),
        trials=int(content["trials"]),
        from_size=_optional(content["from_size"]),
        constants={
            name: KeptConstant(float(item["value"]), Provenance[item["provenance"].upper()])
            for name, item in content["constants"].items()
        },
        claims={name: _claim_from_json(item) for name, item in content["claims"].items()},
        counts={name: _samples_from_json(item) for name, item in content["counts"].items()},
        controls={
            name: KeptControl(item["claim"], bool(item["caught"]), _samples_from_json(item["strength"]))
            for name, item in content["controls"].items()
        },
    )


def _to_json(baseline: Baseline) -> dict[str, Any]:
    statements = {name: statement_to_json(kept) for name, kept in sorted(baseline.statements.items())}
    return {"format": FORMAT, "papers": list(baseline.papers), "statements": statements}


def _from_json(content: Mapping[str, Any]) -> Baseline:
    statements = {name: statement_from_json(item) for name, item in content["statements"].items()}
    baseline = baseline_of(statements)
    if not statements or list(baseline.papers) != content["papers"]:
        raise ValueError("statements, or the papers that these are of")
    return baseline


def _claim_to_json(claim: KeptClaim) -> dict[str, Any]:
    return {
        "outcome": claim.outcome.name,
        "constants": list(claim.constants),
        "upper": claim.upper,
        "claimed": _number(claim.claimed),
        "two_sided": claim.two_sided,
        "exponents": {name: _exponent_to_json(exponent) for name, exponent in claim.exponents.items()},
        "cases": {name: _case_to_json(case) for name, case in claim.cases.items()},
    }


def _claim_from_json(item: Mapping[str, Any]) -> KeptClaim:
    return KeptClaim(
        outcome=Outcome[item["outcome"]],
        constants=tuple(item["constants"]),
        upper=item["upper"],
        claimed=_optional(item["claimed"]),
        two_sided=bool(item["two_sided"]),
        exponents={name: _exponent_from_json(exponent) for name, exponent in item["exponents"].items()},
        cases={name: _case_from_json(case) for name, case in item["cases"].items()},
    )


def _exponent_to_json(exponent: KeptExponent) -> dict[str, Any]:
    sides = {"interval": exponent.interval, "limits": exponent.limits}
    return {"value": _number(exponent.value), **{name: list(map(_number, pair)) for name, pair in sides.items()}}


def _exponent_from_json(item: Mapping[str, Any]) -> KeptExponent:
    (low, high), (lowest, highest) = item["interval"], item["limits"]
    return KeptExponent(float(item["value"]), (float(low), float(high)), (float(lowest), float(highest)))


def _case_to_json(case: KeptCase) -> dict[str, Any]:
    slack = None if case.slack is None else _sample_to_json(case.slack)
    return {
        "outcome": case.outcome.name,
        "measured": _number(case.measured),
        "bound": _number(case.bound),
        "slack": slack,
    }


def _case_from_json(item: Mapping[str, Any]) -> KeptCase:
    slack = None if item["slack"] is None else _sample_from_json(item["slack"])
    return KeptCase(Outcome[item["outcome"]], _optional(item["measured"]), _optional(item["bound"]), slack)


def _samples_to_json(samples: Samples) -> dict[str, Any]:
    return {name: _sample_to_json(sample) for name, sample in samples.items()}


def _samples_from_json(item: Mapping[str, Any]) -> Samples:
    return {name: _sample_from_json(sample) for name, sample in item.items()}


def _sample_to_json(sample: Sample) -> list[Any]:
    return [*map(_number, (sample.low, sample.median, sample.high)), sample.trials]


def _sample_from_json(item: Sequence[Any]) -> Sample:
    low, median, high, trials = item
    found = Sample(float(low), float(median), float(high), int(trials))
    if not (found.low <= found.median <= found.high and found.trials >= 1):
        raise ValueError(f"a sample in order, such as {item}")
    return found


def _number(value: float | None) -> float | str | None:
    return None if value is None else encode_number(value)


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _laid_out(content: Any, depth: int = 0) -> str:
    """JSON with one line for everything at ``LINE_DEPTH``."""
    if not isinstance(content, dict) or not content or depth == LINE_DEPTH:
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    indent = " " * (depth + 1)
    lines = [f"{indent}{json.dumps(key, ensure_ascii=False)}: {_laid_out(content[key], depth + 1)}" for key in content]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
