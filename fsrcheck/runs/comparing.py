"""Compares what was run with the baseline: what is worse fails, what is better must be explained by an update.

Two kinds of quantity are told apart.

*What does not vary by chance* (constants, bounds, the exponent claimed, the size from which the claims hold, the number
of trials; whether statements, claims, cases, controls and counts are there): any change beyond its tolerance is one.
Verdicts and outcomes are taken as they are, too. What chance has to do with them is settled where they are judged: a
violation by chance is within the run's own error budget, and a run that chance left undecided, or whose control it
missed, does not pass by itself either.

*What varies with the seed* (slack, counts, strength of controls, fitted exponents): a change counts only if it is
beyond its tolerance **and** chance is excluded. A lost tolerance alone would fail one run in two wherever the trials
spread by more than it; lying outside the baseline's spread alone happens to one in n + 1 fresh trials. So medians are
compared with the tolerance, and the number of new trials beyond *all* of the baseline's is tested exactly
(``runs.shifts``), each case by itself and all cases of a claim together. Of an exponent the two intervals must be
disjoint, each so wide that it misses with half the share (as far as its Student quantiles are right that far out).
Every such comparison has ``shifts.SHARE`` of one budget of 1e-6: where nothing changed, the whole fails with no larger
a probability, whatever the seed is. What lies beyond the tolerance with chance merely improbable is SUSPECTED: it is
told and never fails, and a run with more trials decides it. All of this supposes that the baseline was not chosen for
its numbers: one that is written again and again until it looks well makes every later run look worse.

Slack is compared as it is at the baseline's bound. A bound that moved is a finding of its own: otherwise a tighter one
would pass for lost slack, and a looser one for slack gained.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite, isnan
from typing import Any

from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.runs.baseline import (
    Baseline,
    BaselineError,
    KeptClaim,
    KeptConstant,
    KeptExponent,
    KeptStatement,
    baseline_of,
)
from fsrcheck.runs.findings import Comparison, Finding, Grade
from fsrcheck.runs.shifts import Samples, Shift, relative_change, shifts
from fsrcheck.runs.tolerances import Tolerances


def compare(
    baseline: Baseline, findings: Mapping[str, Sequence[Finding]], installed: Sequence[str], tolerances: Tolerances
) -> Comparison:
    """Put together the findings of the statements that were run, and name the statements that are gone.

    Args:
        baseline: what was accepted last.
        findings: of every statement that was run, by id, as ``compare_statement`` gives them.
        installed: ids of all statements there are; one of the baseline that is not among them is gone.
        tolerances: what was allowed.
    """
    gone = [
        Finding(Grade.REGRESSION, name, "statement", kept.verdict.name, "gone")
        for name, kept in baseline.statements.items()
        if name not in installed
    ]
    found = [*gone, *(finding for several in findings.values() for finding in several)]
    order = list(Grade)
    return Comparison(tuple(findings), tuple(sorted(found, key=lambda f: order.index(f.grade))), tolerances)


def require_scale(baseline: Baseline, scale: str, names: Iterable[str]) -> None:
    """See that the entries of some statements are of the scale that is to be run; to be called before a long run.

    Raises:
        BaselineError: one is of another scale, whose cases are others.
    """
    for name in names:
        entry = baseline.statements.get(name)
        if entry is not None and entry.scale != scale:
            raise BaselineError(f"baseline must be of scale {scale}, got {name} of scale {entry.scale}")


def compare_statement(
    name: str, old: KeptStatement | None, new: KeptStatement, tolerances: Tolerances, replay: str = ""
) -> list[Finding]:
    """Compare one statement with its entry in the baseline, if it has one."""
    if old is None:
        return [Finding(Grade.NEW, name, "statement", "-", new.verdict.name, replay=replay)]
    found = [
        *_verdicts(old, new),
        *_run(old, new),
        *_constants(old, new, tolerances.constant),
        *_presence("claim", old.claims, new.claims, lambda claim: claim.outcome.name),
        *(f for name in _both(old.claims, new.claims) for f in _claim(name, old, new, tolerances)),
        *_presence("control", old.controls, new.controls, lambda control: _caught(control.caught)),
        *(f for name in _both(old.controls, new.controls) for f in _control(name, old, new, tolerances.strength)),
        *_presence("count", old.counts, new.counts, lambda samples: f"{len(samples)} cases"),
        *(f for name in _both(old.counts, new.counts) for f in _count(name, old, new, tolerances.counts)),
    ]
    return [replace(finding, statement=name, replay=replay) for finding in found]


def accepted(old: Baseline, new: Mapping[str, KeptStatement], installed: Sequence[str]) -> Baseline:
    """The baseline after an update: what was run takes the place of its entries, what is gone goes."""
    kept = {name: entry for name, entry in old.statements.items() if name in installed}
    return baseline_of({**kept, **new})


def _both(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in old if name in new]


def _finding(worse: bool, what: str, before: str, after: str, where: str = "", note: str = "") -> Finding:
    """A finding whose statement is put in later."""
    return Finding(Grade.REGRESSION if worse else Grade.IMPROVEMENT, "", what, before, after, where, note)


def _verdicts(old: KeptStatement, new: KeptStatement) -> Iterator[Finding]:
    """The verdict; where it stayed, that of the checkable form, which REPAIRED does not show."""
    if old.verdict is not new.verdict:
        yield _verdict("verdict", old.verdict, new.verdict)
    elif old.verdict_of_claims is not new.verdict_of_claims:
        yield _verdict("verdict of the checkable form", old.verdict_of_claims, new.verdict_of_claims)


def _verdict(what: str, old: Verdict, new: Verdict) -> Finding:
    return _finding(new < old, what, old.name, new.name)


def _run(old: KeptStatement, new: KeptStatement) -> Iterator[Finding]:
    """How much was run, and from which size on the claims hold."""
    if old.trials != new.trials:
        yield _finding(new.trials < old.trials, "trials of a case", str(old.trials), str(new.trials))
    if old.from_size != new.from_size:
        before, after = (float("inf") if size is None else size for size in (old.from_size, new.from_size))
        yield _finding(after > before, "holds from size", _size(old.from_size), _size(new.from_size))


def _size(size: float | None) -> str:
    return "none" if size is None else f"{size:g}"


def _presence(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], told: Callable[[Any], str]
) -> Iterator[Finding]:
    """What is gone is worse; what has come is new."""
    for name in (name for name in old if name not in new):
        yield _finding(True, f"{kind} {name!r}", told(old[name]), "gone")
    for name in (name for name in new if name not in old):
        yield Finding(Grade.NEW, "", f"{kind} {name!r}", "-", told(new[name]))


def _constants(old: KeptStatement, new: KeptStatement, tolerance: float) -> Iterator[Finding]:
    yield from _presence("constant", old.constants, new.constants, lambda constant: f"{constant.value:g}")
    for name in _both(old.constants, new.constants):
        yield from _constant(name, old.constants[name], new.constants[name], _direction(name, new), tolerance)


def _direction(constant: str, kept: KeptStatement) -> bool | None:
    """Whether the claims that rest on a constant bound from above; None if they do not agree or there is none."""
    found = {claim.upper for claim in kept.claims.values() if constant in claim.constants}
    return found.pop() if len(found) == 1 else None


def _constant(
    name: str, old: KeptConstant, new: KeptConstant, upper: bool | None, tolerance: float
) -> Iterator[Finding]:
    if _moved(old.value, new.value, tolerance):
        worse = _is_weaker(old.value, new.value, upper)
        yield _finding(
            worse, f"constant {name!r}", f"{old.value:g}", f"{new.value:g}", note=_percent(old.value, new.value)
        )
    if old.provenance is not new.provenance:
        order = list(Provenance)
        worse = order.index(new.provenance) > order.index(old.provenance)
        words = (item.provenance.name.lower() for item in (old, new))
        yield _finding(worse, f"provenance of constant {name!r}", *words)


def _moved(old: float, new: float, tolerance: float) -> bool:
    if isnan(old) or isnan(new):
        return isnan(old) != isnan(new)
    return abs(relative_change(old, new)) > tolerance


def _is_weaker(old: float, new: float, upper: bool | None) -> bool:
    """Whether a bound says less than before; one of unknown direction is not known to be better, so it does."""
    return True if upper is None or isnan(new) else (new > old) == upper


def _percent(old: float, new: float) -> str:
    change = relative_change(old, new)
    return f"{100 * change:+.3g} %" if isfinite(change) else ""


def _claim(name: str, before: KeptStatement, after: KeptStatement, tolerances: Tolerances) -> Iterator[Finding]:
    old, new = before.claims[name], after.claims[name]
    order = list(Outcome)
    if old.outcome is not new.outcome:
        worse = order.index(new.outcome) < order.index(old.outcome)
        yield _finding(worse, f"claim {name!r}", old.outcome.name, new.outcome.name)
    else:
        yield from _case_outcomes(name, old, new)
    if gone := [case for case in old.cases if case not in new.cases]:
        yield _finding(True, f"cases of claim {name!r}", str(len(old.cases)), str(len(new.cases)), gone[0], "gone")
    if come := [case for case in new.cases if case not in old.cases]:
        yield Finding(Grade.NEW, "", f"cases of claim {name!r}", "-", f"{len(come)} more", come[0])
    if not any(_constants_moved(constant, before, after, tolerances.constant) for constant in new.constants):
        yield from _bounds(name, old, new, tolerances.constant)
    moved = shifts(old.slacks, _at_old_bounds(old, new), tolerances.slack, high_is_better=True)
    yield from (_shifted(f"slack of claim {name!r}", shift) for shift in moved)
    yield from _exponents(name, old, new, tolerances.exponent)


def _case_outcomes(name: str, old: KeptClaim, new: KeptClaim) -> Iterator[Finding]:
    """Cases that came out otherwise although the claim did not: some say nothing where others still hold."""
    order = list(Outcome)
    for case in _both(old.cases, new.cases):
        pair = old.cases[case].outcome, new.cases[case].outcome
        if pair[0] is not pair[1]:
            worse = order.index(pair[1]) < order.index(pair[0])
            yield _finding(worse, f"claim {name!r}", pair[0].name, pair[1].name, case)


def _constants_moved(name: str, old: KeptStatement, new: KeptStatement, tolerance: float) -> bool:
    before, after = old.constants.get(name), new.constants.get(name)
    return before is None or after is None or _moved(before.value, after.value, tolerance)


def _bounds(name: str, old: KeptClaim, new: KeptClaim, tolerance: float) -> Iterator[Finding]:
    """The bound that moved most, where the constants stayed: its shape is another."""
    pairs = {case: (old.cases[case].bound, new.cases[case].bound) for case in _both(old.cases, new.cases)}
    bounds = {case: (a, b) for case, (a, b) in pairs.items() if a is not None and b is not None}
    moved = {case: pair for case, pair in bounds.items() if _moved(*pair, tolerance)}
    if moved:
        case = max(moved, key=lambda case: abs(relative_change(*moved[case])))
        before, after = moved[case]
        where = case if len(moved) == 1 else f"{len(moved)} cases, most at {case}"
        worse = any(_is_weaker(*pair, new.upper) for pair in moved.values())
        yield _finding(
            worse, f"bound of claim {name!r}", f"{before:.6g}", f"{after:.6g}", where, _percent(before, after)
        )


def _at_old_bounds(old: KeptClaim, new: KeptClaim) -> Samples:
    """The new slacks as they would be had no bound moved."""
    found = dict(new.slacks)
    for name in _both(old.slacks, found):
        before, after = old.cases[name].bound, new.cases[name].bound
        if before != after and before and after and 0 < before / after < inf:
            found[name] = found[name].scaled(before / after if new.upper else after / before)
    return found


def _shifted(what: str, shift: Shift) -> Finding:
    found = _finding(not shift.better, what, f"{shift.before:.4g}", f"{shift.after:.4g}", shift.where)
    change = f"{100 * shift.change:+.3g} %, " if isfinite(shift.change) else ""
    found = replace(found, note=f"{change}by chance with probability {shift.probability:.1g}")
    return found if shift.is_decided else replace(found, grade=Grade.SUSPECTED)


def _exponents(name: str, old: KeptClaim, new: KeptClaim, allowance: float) -> Iterator[Finding]:
    if old.claimed != new.claimed:
        yield _finding(True, f"exponent claimed by {name!r}", str(old.claimed), str(new.claimed))
    for label in old.exponents:
        what = f"exponent of claim {name!r}" + ("" if label == "all" else f", {label}")
        if label not in new.exponents:
            yield _finding(True, what, f"{old.exponents[label].value:.3f}", "gone")
        elif found := _exponent(what, old.exponents[label], new.exponents[label], new, allowance):
            yield found


def _exponent(what: str, old: KeptExponent, new: KeptExponent, claim: KeptClaim, allowance: float) -> Finding | None:
    if abs(new.value - old.value) <= allowance or not _disjoint(old.interval, new.interval):
        return None
    claimed = claim.claimed or 0.0
    before, after = (abs(found.value - claimed) if claim.two_sided else found.value for found in (old, new))
    found = _finding(
        after >= before, what, _interval(old), _interval(new), note=f"claimed {claimed:g}, allowed {allowance:g}"
    )
    return found if _disjoint(old.limits, new.limits) else replace(found, grade=Grade.SUSPECTED)


def _disjoint(first: tuple[float, float], second: tuple[float, float]) -> bool:
    return first[1] < second[0] or second[1] < first[0]


def _interval(exponent: KeptExponent) -> str:
    return f"{exponent.value:.3f} [{exponent.interval[0]:.3f}, {exponent.interval[1]:.3f}]"


def _control(name: str, before: KeptStatement, after: KeptStatement, tolerance: float) -> Iterator[Finding]:
    old, new = before.controls[name], after.controls[name]
    if old.caught != new.caught:
        yield _finding(old.caught, f"control {name!r}", _caught(old.caught), _caught(new.caught))
    moved = shifts(old.strength, new.strength, tolerance, high_is_better=True)
    yield from (_shifted(f"strength of control {name!r}", shift) for shift in moved)


def _caught(caught: bool) -> str:
    return "caught" if caught else "missed"


def _count(name: str, before: KeptStatement, after: KeptStatement, tolerance: float) -> Iterator[Finding]:
    moved = shifts(before.counts[name], after.counts[name], tolerance, high_is_better=False)
    yield from (_shifted(f"count {name!r}", shift) for shift in moved)
