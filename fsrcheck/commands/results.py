"""Results on a terminal: one compact block for a statement, a table for many, the numbers of a trial."""

from collections.abc import Mapping, Sequence

from fsrcheck.commands.listing import print_constants
from fsrcheck.commands.tables import print_exact, print_fields, print_line, print_table
from fsrcheck.evidence.claim import Judgement
from fsrcheck.evidence.trial import Trial
from fsrcheck.report.entries import smallest_margins
from fsrcheck.report.numbers import interval, number
from fsrcheck.runs.complaints import complaints
from fsrcheck.runs.result import ControlResult, ExitCode, StatementResult


def print_result(result: StatementResult) -> None:
    """The verdict on a statement and everything it rests on."""
    statement, margins = result.statement, smallest_margins(result.cases)
    print_line(f"{statement.id}  {statement.label}: {statement.title}", style="bold")
    print_fields(
        [
            ("verdict", result.verdict.name),
            ("", "" if result.verdict is statement.expected else f"expected {statement.expected.name}"),
            ("means", result.verdict.value),
            ("reason", statement.reason),
            ("premises", _premises(margins)),
        ]
    )
    if result.target is not None or not all(margin >= 0 for margin in margins.values()):
        rows = [(name, number(margin), _holds(margin)) for name, margin in margins.items()]
        print_table(("premise", "smallest margin", ""), rows)
    print_table(
        ("claim", "kind", "outcome", "measured", "bound", "slack", "exponent"),
        [_claim_row(judgement) for judgement in result.judgements],
    )
    for judgement in result.judgements:
        _print_certificate(judgement)
    print_table(("control", "breaks", "outcome", ""), [_control_row(control) for control in result.controls])
    print_constants(list(result.constants.values()))
    for line in complaints(result):
        print_line(line, indent=2)
    print_fields([("holds from", _from_size(result)), ("run", _circumstances(result))])
    print_exact(f"replay: {result.replay}\n", indent=2)


def print_verdicts(results: Sequence[StatementResult]) -> None:
    """Many results, one row each."""
    print_table(
        ("id", "label", "verdict", "expected", "claims", "controls caught", "trials"),
        [_verdict_row(result) for result in results],
        indent=0,
    )


def print_trial(trial: Trial) -> None:
    """The numbers of one trial."""
    observation = trial.observation
    print_line(f"{trial.statement}  trial seed {trial.seed}", style="bold")
    print_fields([("parameters", ", ".join(f"{name} = {value}" for name, value in trial.parameters.items()))])
    print_table(("premise", "margin", ""), [_premise_row(*item) for item in observation.premises.items()])
    print_table(
        ("measurement", "value", "standard error"),
        [(name, repr(m.value), repr(m.standard_error)) for name, m in observation.measurements.items()],
    )
    print_table(("count", "value"), [(name, str(count)) for name, count in observation.counts.items()])
    versions = ", ".join(f"{name} {version}" for name, version in trial.versions.items())
    print_fields([("device", trial.device), ("versions", versions)])


def _claim_row(judgement: Judgement) -> tuple[str, ...]:
    row = judgement.tightest
    exponents = "; ".join(interval(found) for found in judgement.exponents.values())
    claimed = f" (claimed {number(judgement.claimed_exponent)})" if exponents else ""
    values = (row.measured, row.bound, row.slack) if row else (None, None, None)
    return (
        judgement.claim,
        judgement.kind,
        judgement.outcome.name,
        *map(number, values),
        exponents + claimed,
    )


def _print_certificate(judgement: Judgement) -> None:
    found = judgement.certificate
    if found is not None:
        print_line(f"{judgement.claim}: {found.summary}", indent=2)
        print_table(found.columns, found.rows, indent=4)


def _control_row(result: ControlResult) -> tuple[str, ...]:
    caught = "caught" if result.is_caught else "MISSED"
    return result.control.name, result.control.breaks, result.outcome.name, caught


def _verdict_row(result: StatementResult) -> tuple[str, ...]:
    caught = sum(control.is_caught for control in result.controls)
    return (
        result.statement.id,
        result.statement.label,
        result.verdict.name,
        "as expected" if result.exit_code is ExitCode.EXPECTED else result.statement.expected.name,
        str(len(result.judgements)),
        f"{caught} of {len(result.controls)}",
        str(result.trials),
    )


def _premise_row(name: str, margin: float) -> tuple[str, str, str]:
    return name, repr(margin), _holds(margin)


def _holds(margin: float) -> str:
    return "holds" if margin >= 0 else "FAILS"


def _premises(margins: Mapping[str, float]) -> str:
    """The premises of a statement in a few words; nothing if it has none."""
    failed = [name for name, margin in margins.items() if not margin >= 0]
    if failed or not margins:
        return f"{len(failed)} of {len(margins)} fail on some trial: {', '.join(failed)}" if failed else ""
    name, smallest = min(margins.items(), key=lambda item: item[1])
    return f"all {len(margins)} hold on every trial, the tightest with margin {number(smallest, 3)} ({name})"


def _from_size(result: StatementResult) -> str:
    found = result.from_size
    if found is None:
        return ""
    below = "" if found["not_from"] is None else f", not at {number(found['not_from'])}"
    return f"{number(found['size'])}{below} ({found['kind']}, claim {found['claim']})"


def _circumstances(result: StatementResult) -> str:
    return f"{result.trials} trials, scale {result.scale}, seed {result.seed}, {result.device}"
