"""The report of a campaign in Markdown: rates with exact intervals, and every survivor with its reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fsrcheck.evidence.frequency import clopper_pearson
from tests.mutants.findings import CRASHES, KILLED, TIMEOUTS, UNTESTED, Change, Reason, reason_for

LEVEL = 0.95
TEXT_ONLY = "text in quotes (a message, a label, a heading) that no test compares word for word"
NO_REASON = "**not explained**"
HEAD = """# Mutation testing

Written by `make mutants` (on demand, hours; not part of continuous integration). [mutmut]({url}) {version} changes one
place of one function at a time; a mutant is killed when a test that reaches it fails, when the tests last three times as
long as they do unharmed and 15 s more, or when the process breaks down. Each mutant meets the quick tests of its own test
file and the quickest of the others first and, if it outlives them, all tests of its packages that reach it, up to 60 s. The tool
leaves alone what is not the body of a plain function or method: properties, constants of a module, dataclass fields.
Hypothesis draws the same examples in every run. Seed of the draw: {seed}.

Intervals are exact (Clopper-Pearson, {percent:.0f} %) and take the mutants run as drawn independently from all that the
tool could make; equivalent mutants count as survivors in the rate.
"""
URL = "https://github.com/boxed/mutmut"


@dataclass(frozen=True)
class Survivor:
    """A mutant that lives, with what it changes; ``screened`` if it has not met all the tests that reach it yet."""

    mutant: str
    change: Change
    screened: bool = False


@dataclass(frozen=True)
class Finding:
    """What one campaign found: verdicts (exit codes, None: not run) by mutant, and its survivors."""

    name: str
    verdicts: dict[str, int | None]
    survivors: Sequence[Survivor] = field(default_factory=tuple)
    is_sample: bool = False

    def count(self, codes: Iterable[int | None]) -> int:
        """How many mutants ended with one of these exit codes."""
        return sum(verdict in codes for verdict in self.verdicts.values())

    @property
    def run(self) -> int:
        """How many have a verdict."""
        return len(self.verdicts) - self.count([None])

    @property
    def killed(self) -> int:
        """How many are dead, by whatever means."""
        return self.count(KILLED | TIMEOUTS | CRASHES)


def write_report(findings: Sequence[Finding], reasons: Sequence[Reason], *, seed: int, version: str) -> str:
    """The whole report."""
    head = HEAD.format(seed=seed, version=version, url=URL, percent=100 * LEVEL)
    parts = [head, _rates(findings, reasons), "## Survivors by module\n", _modules(findings)]
    return "\n".join([*parts, *(_survivors(finding, reasons) for finding in findings)]).rstrip() + "\n"


def rate_with_interval(killed: int, run: int) -> str:
    """``85.0 % (80.1 to 89.1)``, or a dash of nothing."""
    if not run:
        return "-"
    interval = clopper_pearson(killed, run, (1 - LEVEL) / 2)
    return f"{killed / run:.1%} ({100 * interval.low:.1f} to {100 * interval.high:.1f})".replace("%", " %")


def _rates(findings: Sequence[Finding], reasons: Sequence[Reason]) -> str:
    columns = "mutants drawn", "run", "killed", "of these by time", "alive", "reached by no test", "rate"
    rows = [
        [finding.name, *_numbers(finding), *_without(finding, reasons)] for finding in [*findings, *_sums(findings)]
    ]
    return _table(["part", *columns, "alive, neither text nor equivalent", "rate but for text and equivalents"], rows)


def _sums(findings: Sequence[Finding]) -> list[Finding]:
    """The parts of the sample together, where more than one was run."""
    parts = [finding for finding in findings if finding.is_sample]
    verdicts = {mutant: verdict for finding in parts for mutant, verdict in finding.verdicts.items()}
    survivors = [survivor for finding in parts for survivor in finding.survivors]
    return [Finding("the sample together", verdicts, survivors)] if len(parts) > 1 else []


def _numbers(finding: Finding) -> list[object]:
    alive, rate = finding.run - finding.killed, rate_with_interval(finding.killed, finding.run)
    timeouts, unreached = finding.count(TIMEOUTS), finding.count(UNTESTED)
    return [len(finding.verdicts), finding.run, finding.killed, timeouts, alive, unreached, rate]


def _without(finding: Finding, reasons: Sequence[Reason]) -> list[object]:
    """How many survivors are neither text alone nor equivalent, and the rate among mutants that are neither."""
    kinds = [_kind(survivor.change, reasons) for survivor in finding.survivors]
    left = sum(kind == "code" for kind in kinds)
    return [left, rate_with_interval(finding.killed, finding.killed + left)]


def _kind(change: Change, reasons: Sequence[Reason]) -> str:
    reason = reason_for(change, reasons)
    if reason is not None and reason.equivalent:
        return "equivalent"
    return "text" if change.text_only else "code"


def _modules(findings: Sequence[Finding]) -> str:
    rows = []
    for finding in findings:
        names = sorted({mutant.rpartition(".")[0] for mutant in finding.verdicts})
        for name in names:
            part = Finding(name, {m: v for m, v in finding.verdicts.items() if m.rpartition(".")[0] == name})
            rows.append([f"`{name}`", part.run, part.killed, part.run - part.killed])
    return _table(["module", "run", "killed", "alive"], rows)


def _survivors(finding: Finding, reasons: Sequence[Reason]) -> str:
    text = [survivor for survivor in finding.survivors if _kind(survivor.change, reasons) == "text"]
    others = [survivor for survivor in finding.survivors if survivor not in text]
    rows = [
        [f"`{survivor.change.place}`", _code(survivor.change.old), _code(survivor.change.new), _why(survivor, reasons)]
        for survivor in sorted(others, key=lambda survivor: (survivor.change.place, survivor.mutant))
    ]
    told = f"\n## {finding.name}: what lives\n\n{len(text)} of the survivors change only {TEXT_ONLY}; the others:\n\n"
    return told + _table(["in", "the code", "the mutant", "reason"], rows)


def _why(survivor: Survivor, reasons: Sequence[Reason]) -> str:
    reason = reason_for(survivor.change, reasons)
    told = NO_REASON if reason is None else ("equivalent: " if reason.equivalent else "") + reason.reason
    return told + (" (its own quick tests only)" if survivor.screened else "")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else "(nothing)"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
