"""Makes a folder look like an installed distribution, without an installer: enough for entry points."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, name: str, papers: Mapping[str, str]) -> None:
    """Put the metadata of a distribution with its papers into ``folder``, which must be on the path."""
    metadata = folder / f"{name}-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    lines = [f"{paper} = {value}" for paper, value in papers.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[fsrcheck.papers]", *lines, ""]))
