"""What did not come out as it must, in lines that a person can act on."""

from dataclasses import asdict

from fsrcheck.evidence.claim import Judgement
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.runs.result import ControlResult, StatementResult


def complaints(result: StatementResult) -> list[str]:
    """One line for each claim that does not hold, control that was missed and erratum not confirmed."""
    claims = [_unmet(judgement) for judgement in result.judgements if judgement.outcome is not Outcome.HOLDS]
    controls = [_missed(control) for control in result.controls if not control.is_caught]
    errata = [f"erratum not confirmed: {e.erratum.problem}" for e in result.errata if not e.is_confirmed]
    return claims + controls + errata


def _unmet(judgement: Judgement) -> str:
    reason = judgement.message or judgement.outcome.value
    return f"claim {judgement.claim!r} {judgement.outcome.name}{_where(judgement)}: {reason}"


def _where(judgement: Judgement) -> str:
    """The first case with the outcome; an exponent is about all cases, so it has no place."""
    if judgement.claimed_exponent is not None:
        return ""
    row = next((row for row in judgement.cases if row.outcome is judgement.outcome), None)
    if row is None:
        return ""
    return " at " + " ".join(f"{name}={value}" for name, value in asdict(row.parameters).items())


def _missed(result: ControlResult) -> str:
    reason = f": {result.message}" if result.message else ""
    return f"control {result.control.name!r} must be VIOLATED, got {result.outcome.name}{reason}"
