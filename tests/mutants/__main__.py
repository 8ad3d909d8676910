"""``python -m tests.mutants``: run the campaigns and write ``reports/mutants.md``; it goes on where it was stopped."""

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.mutants.campaigns import CAMPAIGNS, Campaign
from tests.mutants.findings import ALIVE, change_of, load_reasons
from tests.mutants.report import Finding, Survivor, write_report
from tests.mutants.room import Room, has_begun

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Read the command line and do as it says."""
    options = _parser().parse_args()
    findings = []
    for campaign in CAMPAIGNS:
        folder = options.work / campaign.name
        is_wanted = not options.report_only and campaign.name in (options.only or [campaign.name])
        if is_wanted or has_begun(folder):
            room = Room(folder, ROOT, campaign, options.seed, options.limit)
            if is_wanted:
                run(campaign, room, again=options.again)
            findings.append(finding_of(campaign, room))
    text = write_report(findings, load_reasons(), seed=options.seed, version=version("mutmut"))
    options.out.write_text(text, encoding="utf-8")
    print(f"written: {options.out}")


def run(campaign: Campaign, room: Room, *, again: bool) -> None:
    """Screen every mutant of the draw, then try the survivors against all that reaches them."""
    if again:
        room.forget_survivors()
    room.prepare()
    for done in room.screen():
        print(f"{campaign.name}: {done} of {len(room.mutants)} screened", flush=True)
    for left in room.confirm():
        print(f"{campaign.name}: {left} survivors of the screen to go", flush=True)


def finding_of(campaign: Campaign, room: Room) -> Finding:
    """What is known of the campaign now, finished or not."""
    verdicts, open_ones = room.verdicts(), set(room.unconfirmed())
    alive = [name for name, verdict in verdicts.items() if verdict in ALIVE]
    survivors = [Survivor(name, change_of(name, room.diff(name)), name in open_ones) for name in alive]
    return Finding(campaign.name, verdicts, survivors, campaign.sample is not None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default 0)")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "fsrcheck-mutants"), help="folder")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "mutants.md", help="the report")
    parser.add_argument("--only", action="append", choices=[campaign.name for campaign in CAMPAIGNS])
    parser.add_argument("--limit", type=int, help="run only so many of each draw (a sample, as the order is random)")
    parser.add_argument("--again", action="store_true", help="after tests were changed: survivors face them again")
    parser.add_argument("--report-only", action="store_true", help="run nothing, write what is known")
    return parser


if __name__ == "__main__":
    main()
