"""What came of checking a statement: its verdict, everything it rests on, and the same as JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from fsrcheck.evidence.claim import Interval, Judgement
from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Case
from fsrcheck.runs.records import encode_number
from fsrcheck.runs.replaying import check_command
from fsrcheck.statement import Control, Counterexample, Erratum, Statement


class ExitCode(IntEnum):
    """Exit codes of the command line; UNEXPECTED takes precedence over INCONCLUSIVE."""

    EXPECTED = 0
    UNEXPECTED = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3


@dataclass(frozen=True)
class ControlResult:
    """How a control came out.

    Attributes:
        premises_unseen: premises it claims to break that held on some trial.
    """

    control: Control
    judgement: Judgement
    premises_unseen: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The claim's outcome under the control; INAPPLICABLE when that does not break what it says."""
        return Outcome.INAPPLICABLE if self.premises_unseen else self.judgement.outcome

    @property
    def is_caught(self) -> bool:
        """Whether the claim was seen to fail, as it must."""
        return self.outcome is Outcome.VIOLATED

    @property
    def message(self) -> str:
        """What went wrong with the control, or how the claim failed."""
        if self.premises_unseen:
            return f"premises that must fail hold on some trial: {', '.join(self.premises_unseen)}"
        return self.judgement.message


@dataclass(frozen=True)
class CheckedErratum:
    """An erratum with its counterexample recomputed in this run."""

    erratum: Erratum
    counterexample: Counterexample | None
    seconds: float

    @property
    def is_confirmed(self) -> bool:
        """Whether the counterexample contradicts the printed form; an erratum of a proof may have none."""
        if self.counterexample is None:
            return not self.erratum.refutes
        is_number = not (math.isnan(self.counterexample.printed) or math.isnan(self.counterexample.actual))
        return is_number and self.counterexample.contradicts


@dataclass(frozen=True)
class StatementResult:
    """The verdict on one statement with everything it rests on.

    Attributes:
        device: the hardware in words.
        device_kind: ``cpu`` or ``cuda``.
        settings, target: what the user gave.
        false_alarm: the share of the error budget that each judgement had.
    """

    statement: Statement
    judgements: tuple[Judgement, ...]
    controls: tuple[ControlResult, ...]
    errata: tuple[CheckedErratum, ...]
    cases: tuple[Case, ...]
    constants: Mapping[str, Constant]
    scale: str
    seed: int
    device: str
    device_kind: str
    settings: Mapping[str, str]
    target: Path | None
    false_alarm: float

    @property
    def verdict_of_claims(self) -> Verdict:
        """The verdict of the checkable form: that of its weakest claim.

        A search that corroborates a proof must hold like every claim, but does not make the proof weaker.
        """
        outcomes = {judgement.outcome for judgement in self.judgements}
        if Outcome.VIOLATED in outcomes:
            return Verdict.VIOLATED
        if outcomes - {Outcome.HOLDS} or not all(control.is_caught for control in self.controls):
            return Verdict.INCONCLUSIVE
        if not self.judgements:
            return Verdict.OPEN
        decisive = [judgement for judgement in self.judgements if not judgement.corroborates]
        return min(judgement.strength.value for judgement in decisive or self.judgements)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the printed form; see ``evidence.outcome.Verdict``."""
        base = self.verdict_of_claims
        if base is Verdict.VIOLATED:
            return base
        if not all(erratum.is_confirmed for erratum in self.errata):
            return Verdict.INCONCLUSIVE
        refuted = any(erratum.erratum.refutes for erratum in self.errata)
        if refuted and base is Verdict.OPEN:
            return Verdict.REFUTED
        return Verdict.REPAIRED if refuted and base.is_positive else base

    @property
    def exit_code(self) -> ExitCode:
        """0 as expected, 3 inconclusive without being expected to be, 1 anything else unexpected."""
        missed = [control for control in self.controls if not control.is_caught]
        if any(control.outcome is not Outcome.INCONCLUSIVE for control in missed):
            return ExitCode.UNEXPECTED
        if not all(erratum.is_confirmed for erratum in self.errata):
            return ExitCode.UNEXPECTED
        if self.verdict is self.statement.expected and not missed:
            return ExitCode.EXPECTED
        return ExitCode.INCONCLUSIVE if self.verdict is Verdict.INCONCLUSIVE else ExitCode.UNEXPECTED

    @property
    def trials(self) -> int:
        """Number of trials made for the claims (those of controls aside)."""
        return sum(len(case.trials) for case in self.cases)

    @property
    def from_size(self) -> Mapping[str, Any] | None:
        """The smallest size from which every claim about a size holds and says something.

        None if there is no such claim, or if one of them holds from no size on.
        """
        sized = [judgement for judgement in self.judgements if judgement.size is not None]
        holding = [(*judgement.from_size, judgement.claim) for judgement in sized if judgement.from_size is not None]
        if not sized or len(holding) < len(sized):
            return None
        below, size, claim = max(holding, key=lambda item: item[1])
        return {"size": size, "not_from": below, "claim": claim, "kind": "measured"}

    @property
    def replay(self) -> str:
        """The command that repeats this check to the last digit."""
        return check_command(self.statement.id, self.scale, self.seed, self.device_kind, self.settings, self.target)

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {
            "id": self.statement.id,
            "verdict": self.verdict.name,
            "verdict_of_claims": self.verdict_of_claims.name,
            "expected": self.statement.expected.name,
            "from_size": self.from_size,
            "constants": [_constant_to_json(constant) for constant in self.constants.values()],
            "claims": [_judgement_to_json(judgement) for judgement in self.judgements],
            "controls": [_control_to_json(control) for control in self.controls],
            "errata": [erratum_to_json(self.statement.id, self.statement.printed, item) for item in self.errata],
            "trials": self.trials,
            "scale": self.scale,
            "seed": self.seed,
            "device": self.device,
            "device_kind": self.device_kind,
            "false_alarm": self.false_alarm,
            "replay": self.replay,
        }


def overall_exit_code(results: Sequence[StatementResult]) -> ExitCode:
    """The exit code of a run of several statements."""
    codes = {result.exit_code for result in results}
    for code in (ExitCode.UNEXPECTED, ExitCode.INCONCLUSIVE):
        if code in codes:
            return code
    return ExitCode.EXPECTED


def erratum_to_json(statement_id: str, printed: str, checked: CheckedErratum) -> dict[str, Any]:
    """An erratum with its recomputed counterexample as plain JSON values."""
    erratum, found = checked.erratum, checked.counterexample
    return {
        "id": statement_id,
        "printed": printed,
        "defect": erratum.defect.value,
        "problem": erratum.problem,
        "proof_step": erratum.proof_step,
        "counterexample": None
        if found is None
        else {
            "point": found.point,
            "printed": _optional(found.printed),
            "actual": _optional(found.actual),
            "contradicts": found.contradicts,
        },
        "repaired_form": erratum.repaired_form,
        "corrected_in": erratum.corrected_in,
        "recheck_seconds": checked.seconds,
    }


def _optional(value: float | None) -> float | str | None:
    return None if value is None else encode_number(value)


def _constant_to_json(constant: Constant) -> dict[str, Any]:
    return {
        "name": constant.name,
        "value": encode_number(constant.value),
        "provenance": constant.provenance.name.lower(),
        "note": constant.note,
        "trials": constant.trials,
        "ranges": {name: str(span) for name, span in constant.ranges.items()},
    }


def _interval_to_json(interval: Interval) -> dict[str, Any]:
    return {name: encode_number(value) for name, value in asdict(interval).items()}


def _judgement_to_json(judgement: Judgement) -> dict[str, Any]:
    row = judgement.tightest
    exponents = {name: _interval_to_json(interval) for name, interval in judgement.exponents.items()}
    return {
        "name": judgement.claim,
        "kind": judgement.kind,
        "text": judgement.text,
        "outcome": judgement.outcome.name,
        "measured": _optional(row.measured) if row else None,
        "bound": _optional(row.bound) if row else None,
        "slack": _optional(row.slack) if row else None,
        "exponent": {"claimed": judgement.claimed_exponent, "fitted": exponents} if exponents else None,
        "message": judgement.message,
        "certificate": asdict(judgement.certificate) if judgement.certificate else None,
        "corroborates": judgement.corroborates,
    }


def _control_to_json(result: ControlResult) -> dict[str, Any]:
    return {
        "name": result.control.name,
        "breaks": result.control.breaks,
        "claim": result.control.claim,
        "outcome": result.outcome.name,
        "message": result.message,
    }
