"""``list``, ``show`` and ``errata``: what the installed papers say and where they are wrong."""

from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from fsrcheck.commands.options import current_registry, json_option, print_json
from fsrcheck.commands.tables import print_exact, print_fields, print_line, print_table
from fsrcheck.errors import InputError
from fsrcheck.evidence.constants import Constant
from fsrcheck.registry import Registry
from fsrcheck.report.errata import errata_markdown
from fsrcheck.runs.calibration import load_constants
from fsrcheck.runs.checking import make_checker, recheck
from fsrcheck.runs.result import CheckedErratum, ExitCode, erratum_to_json
from fsrcheck.statement import Paper, Statement


@click.command("list")
@json_option
def list_statements(as_json: bool) -> None:
    """List the statements of all installed papers."""
    rows = [summary(statement) for statement in current_registry().statements]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "label", "kind", "title", "expected", "evidence")
    print_table(columns, ([row[name] for name in columns] for row in rows), indent=0)


@click.command("show")
@click.argument("name", metavar="ID")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one statement: printed form, checkable form, claims, controls, constants, source."""
    registry = current_registry()
    statement = registry.find(name)
    constants = [*statement.constants, *load_constants(registry.paper(statement), statement)]
    if as_json:
        print_json(details(statement, constants))
    else:
        _print_statement(statement, constants)


@click.command("errata")
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write all errata as Markdown too.")
@json_option
@click.pass_context
def errata(context: click.Context, names: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Recompute the counterexample of every wrong printed form.

    The Markdown file has the verdict on the repaired form where that needs no trials; `report` writes it with all.
    """
    registry = current_registry()
    statements = registry.select(names)
    if out is not None:
        _write_errata(registry, out)
    found = [(statement, recheck(erratum)) for statement in statements for erratum in statement.errata]
    if names and not found:
        raise InputError(f"no errata are known of {', '.join(statement.id for statement in statements)}")
    if as_json:
        print_json([erratum_to_json(statement.id, statement.printed, item) for statement, item in found])
    else:
        _print_texts(dict.fromkeys(registry.paper(statement) for statement, _ in found))
        for statement, item in found:
            _print_erratum(statement, item)
    confirmed = all(item.is_confirmed for _, item in found)
    context.exit(ExitCode.EXPECTED if confirmed else ExitCode.UNEXPECTED)


def _write_errata(registry: Registry, out: Path) -> None:
    """Judge what is wrong as printed and deduced, and write all errata.

    Raises:
        InputError: the file cannot be written.
    """
    deduced = [statement for statement in registry.statements if statement.errata and statement.is_deduced]
    checker = make_checker(seed=0, device="cpu", registry=registry)
    text = errata_markdown([checker.check(statement) for statement in deduced], registry)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out must be a file that can be written, got {str(out)!r} ({error.strerror})") from None


def summary(statement: Statement) -> dict[str, Any]:
    """A statement in one row. Its verdict is null: nothing was run."""
    return {
        "id": statement.id,
        "paper": statement.paper,
        "label": statement.label,
        "kind": statement.kind.value,
        "title": statement.title,
        "printed": statement.printed,
        "verdict": None,
        "expected": statement.expected.name,
        "evidence": statement.evidence,
        "repaired": "; ".join(erratum.repaired_form for erratum in statement.errata) or None,
        "controls": [control.name for control in statement.controls],
        "source": statement.source,
    }


def details(statement: Statement, constants: list[Constant]) -> dict[str, Any]:
    """All that is declared of a statement, as plain JSON values."""
    return {
        **summary(statement),
        "checkable": statement.checkable,
        "claims": [
            {"name": claim.name, "kind": type(claim).__name__, "text": claim.text} for claim in statement.claims
        ],
        "controls": [
            {"name": control.name, "breaks": control.breaks, "claim": control.claim} for control in statement.controls
        ],
        "constants": [
            {"name": constant.name, "value": constant.value, "provenance": constant.provenance.name.lower()}
            for constant in constants
        ],
        "parameters": parameters_of(statement),
        "departures": list(statement.departures),
        "requires": list(statement.requires),
        "reason": statement.reason,
    }


def parameters_of(statement: Statement) -> dict[str, str]:
    """The parameters that ``--set`` takes, each with its type and default in words."""
    return {
        item.name: getattr(item.type, "__name__", str(item.type))
        + ("" if item.default is MISSING else f" = {item.default!r}")
        for item in fields(statement.parameters)
    }


def _print_statement(statement: Statement, constants: list[Constant]) -> None:
    print_line(f"{statement.id}  {statement.label}: {statement.title}", style="bold")
    print_fields(
        [
            ("printed", statement.printed),
            ("checkable", statement.checkable),
            *(("repaired", erratum.repaired_form) for erratum in statement.errata),
            *(("departure", departure) for departure in statement.departures),
            ("requires", ", ".join(statement.requires)),
            ("evidence", statement.evidence),
            ("expected", statement.expected.name),
            ("reason", statement.reason),
            ("source", statement.source),
        ]
    )
    print_line()
    print_table(("claim", "kind", "asserts"), [(c.name, type(c).__name__, c.text) for c in statement.claims])
    print_line()
    print_table(("control", "breaks", "must violate"), [(c.name, c.breaks, c.claim) for c in statement.controls])
    if constants:
        print_line()
        print_constants(constants)
    if statement.needs_trials:
        print_line()
        print_table(("parameter", "type and default"), parameters_of(statement).items())


def print_constants(constants: list[Constant]) -> None:
    """A table of constants with their provenance."""
    rows = [(c.name, f"{c.value:.6g}", c.provenance.name.lower(), c.note) for c in constants]
    print_table(("constant", "value", "provenance", "note"), rows)


def _print_texts(papers: Iterable[Paper]) -> None:
    """Which text of each paper was read."""
    for paper in papers:
        if paper.text:
            print_line(f"Text of {paper.id}: {paper.text}\n")


def _print_erratum(statement: Statement, item: CheckedErratum) -> None:
    erratum, found = item.erratum, item.counterexample
    print_line(f"{statement.id}  {statement.label}: {erratum.defect.value}", style="bold")
    print_fields(
        [
            ("printed", statement.printed),
            ("problem", erratum.problem),
            ("proof step", erratum.proof_step),
            ("counterexample", "none: the statement itself is not refuted" if found is None else found.point),
            ("", "" if found is None else f"printed {found.printed:g}, actual {found.actual:g}"),
            ("repaired", erratum.repaired_form),
            ("corrected in", erratum.corrected_in),
        ]
    )
    verdict = "confirmed" if item.is_confirmed else "NOT CONFIRMED"
    print_exact(f"{verdict} in {item.seconds:.3g} s\n", indent=2)
