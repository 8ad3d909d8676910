"""One row of the report: a statement of the registry with its result, or without one if it was not run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fsrcheck.errors import FsrcheckError
from fsrcheck.evidence.claim import Judgement
from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Case
from fsrcheck.registry import Registry
from fsrcheck.report.numbers import NOTHING, number, words
from fsrcheck.runs.gathering import judging_digest
from fsrcheck.runs.result import CheckedErratum, ExitCode, StatementResult
from fsrcheck.runs.stored import StoredEvidence
from fsrcheck.statement import Erratum, Paper, Statement

NOT_RUN = "NOT RUN"
BY_HAND = "set by hand for what the paper leaves unnamed; earlier runs may have been in view, but not these trials"


@dataclass(frozen=True, eq=False)
class Entry:
    """A statement as the report shows it.

    Attributes:
        statement, paper: what it is and where it is from.
        result: what came of it in this run; None if it was not run.
        stored: stored evidence about it.
        code: digest that stored evidence of the present code has; empty if nothing is stored.
    """

    statement: Statement
    paper: Paper
    result: StatementResult | None = None
    stored: tuple[StoredEvidence, ...] = ()
    code: str = ""

    @property
    def verdict(self) -> str:
        """The verdict's name; a statement that was not run has none and is never shown as passed."""
        return self.result.verdict.name if self.result else NOT_RUN

    @property
    def as_expected(self) -> bool | None:
        """Whether verdict and controls came out as they ought to; None if the statement was not run."""
        return self.result.exit_code is ExitCode.EXPECTED if self.result else None

    @property
    def as_expected_word(self) -> str:
        """The same in a word."""
        return {True: "yes", False: "no", None: "not run"}[self.as_expected]

    @property
    def weakest(self) -> Judgement | None:
        """The judgement that the verdict hangs on: worst outcome, then least strength, then least slack.

        Among those that hold, searches that corroborate come last.
        """
        return min(self.result.judgements, key=_weakness, default=None) if self.result else None

    @property
    def weakest_word(self) -> str:
        """Name, outcome and slack of the weakest claim."""
        judgement = self.weakest
        if judgement is None:
            return NOTHING
        row = judgement.tightest
        slack = f", slack {number(row.slack, 3)}" if row is not None and not judgement.exponents else ""
        return f"{judgement.claim}: {spoken(judgement.outcome.name)}{slack}"

    @property
    def controls_word(self) -> str:
        """How many controls were caught, of how many: ``2/2``."""
        if self.result is None:
            return NOTHING
        return f"{sum(control.is_caught for control in self.result.controls)}/{len(self.result.controls)}"

    @property
    def controls_missed(self) -> bool:
        """Whether some control did not make its claim fail, as it must."""
        return self.result is not None and not all(control.is_caught for control in self.result.controls)

    @property
    def from_size_word(self) -> str:
        """The smallest size from which the claims hold, with the one below it that did not."""
        found = self.result.from_size if self.result else None
        if found is None:
            return NOTHING
        claim = next(claim for claim in self.statement.claims if claim.name == found["claim"])
        size = getattr(claim, "size", None) or "size"
        below = "smallest run" if found["not_from"] is None else f"not at {number(found['not_from'])}"
        return f"{size} ≥ {number(found['size'])} ({below})"

    @property
    def errata(self) -> list[tuple[Erratum, CheckedErratum | None]]:
        """The errata with their counterexamples as recomputed in this run, if it was run."""
        if self.result is not None:
            return [(checked.erratum, checked) for checked in self.result.errata]
        return [(erratum, None) for erratum in self.statement.errata]

    @property
    def premises(self) -> dict[str, float]:
        """The smallest margin of every premise over all trials; NaN if any is."""
        return smallest_margins(self.result.cases if self.result else ())

    @property
    def parameters(self) -> dict[str, str]:
        """The values of every parameter that were run."""
        found = [asdict(case.parameters) for case in (self.result.cases if self.result else ())]
        return {name: words(case[name] for case in found) for name in (found[0] if found else ())}


def smallest_margins(cases: Sequence[Case]) -> dict[str, float]:
    """The smallest margin of every premise over all trials of some cases; NaN if any is."""
    margins: dict[str, float] = {}
    for case in cases:
        for trial in case.trials:
            for name, margin in trial.observation.premises.items():
                old = margins.get(name, margin)
                margins[name] = margin if margin != margin or margin < old else old
    return margins


def _weakness(judgement: Judgement) -> tuple[int, bool, int, float]:
    row = None if judgement.exponents else judgement.tightest
    slack = row.slack if row is not None and row.slack is not None else float("inf")
    outcome, strength = list(Outcome).index(judgement.outcome), list(Verdict).index(judgement.strength.value)
    return outcome, judgement.corroborates, strength, slack


def spoken(name: str) -> str:
    """The name of an outcome or verdict as a word: ``NOT_EVALUATED`` becomes "not evaluated"."""
    return name.replace("_", " ").lower()


def origin(provenance: Provenance) -> str:
    """Where a constant comes from, in words."""
    # The word that CHOSEN itself has, "fixed before any run", is more than the notes of many constants can claim.
    return BY_HAND if provenance is Provenance.CHOSEN else provenance.value


def make_entries(
    results: Sequence[StatementResult], registry: Registry, stored: Sequence[StoredEvidence] = ()
) -> list[Entry]:
    """One entry for every statement of the registry, in its order.

    Raises:
        FsrcheckError: two results of one statement, or one of a statement that the registry does not have.
    """
    by_id = {result.statement.id: result for result in results}
    times = Counter(result.statement.id for result in results)
    installed = {statement.id for statement in registry.statements}
    wrong = sorted(name for name, count in times.items() if count > 1 or name not in installed)
    if wrong:
        raise FsrcheckError(f"results must be of installed statements, each once, got {', '.join(wrong)}")
    return [
        _entry(statement, registry, by_id.get(statement.id), [row for row in stored if row.statement == statement.id])
        for statement in registry.statements
    ]


def _entry(
    statement: Statement, registry: Registry, result: StatementResult | None, stored: Sequence[StoredEvidence]
) -> Entry:
    code = judging_digest(registry, statement) if stored else ""
    return Entry(statement, registry.paper(statement), result, tuple(stored), code)


def verdict_counts(entries: Sequence[Entry]) -> dict[str, int]:
    """How many entries have each verdict, strongest first, those not run last."""
    counts = Counter(entry.verdict for entry in entries)
    order = [*(verdict.name for verdict in reversed(Verdict)), NOT_RUN]
    return {name: counts[name] for name in order if counts[name]}


def summary(entries: Sequence[Entry]) -> str:
    """The whole run in one sentence."""
    run = [entry for entry in entries if entry.result is not None]
    expected = sum(entry.as_expected is True for entry in run)
    sentence = f"{expected} of {len(run)} verdicts are as expected"
    missing = len(entries) - len(run)
    return f"{sentence}; {missing} of {len(entries)} statements were not run." if missing else f"{sentence}."
