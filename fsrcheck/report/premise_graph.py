"""Which statements rest on which: ``Statement.requires`` as a picture with links, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.report.entries import NOT_RUN, Entry
from fsrcheck.report.layering import Layout, Passing, acyclic, layered

ROW, BOX, GAP, LETTER, PADDING = (
    27.0,
    20.0,
    30.0,
    6.9,
    29.0,
)  # pixels: rows, boxes, between columns, letters, around them
MARGIN = 6.0


@dataclass(frozen=True, eq=False)
class Node:
    """A statement in the picture: the left upper corner of its box, in pixels."""

    entry: Entry
    label: str
    x: float
    y: float
    width: float


@dataclass(frozen=True, eq=False)
class Rest:
    """What one statement rests on.

    Attributes:
        entry: the statement.
        on: what it requires itself, as far as that is installed.
        absent: ids that it requires and that are not installed.
        number: how many statements it rests on, those of others included.
        weakest: the weakest verdict among these; NOT RUN counts as the weakest.
    """

    entry: Entry
    on: tuple[Entry, ...]
    absent: tuple[str, ...]
    number: int
    weakest: str


@dataclass(frozen=True, eq=False)
class PremiseGraph:
    """The picture and the table.

    Attributes:
        nodes, edges: boxes, and the SVG path of every edge; an edge that others imply is left out.
        width, height: of the picture, in pixels.
        rests: one row for every statement that requires another.
        taken_by: by id, the statements that require it.
    """

    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    width: float
    height: float
    rests: tuple[Rest, ...]
    taken_by: dict[str, list[Entry]]


def premise_graph(entries: Sequence[Entry]) -> PremiseGraph:
    """The graph of all entries; without nodes if none requires another."""
    by_id = {entry.statement.id: entry for entry in entries}
    graph = nx.DiGraph((id, e.statement.id) for e in entries for id in e.statement.requires if id in by_id)
    layout = layered(acyclic(graph))
    nodes = _nodes(layout, by_id)
    boxes = {node.entry.statement.id: node for node in nodes}
    return PremiseGraph(
        nodes=tuple(nodes),
        edges=tuple(_path(route, boxes, layout) for route in layout.routes.values()),
        width=max((node.x + node.width for node in nodes), default=0.0) + MARGIN,
        height=max(layout.heights.values(), default=0.0) * ROW + BOX + 2 * MARGIN,
        rests=tuple(_rest(entry, by_id, graph) for entry in entries if entry.statement.requires),
        taken_by={id: [by_id[other] for other in graph.successors(id)] for id in graph},
    )


def _rest(entry: Entry, by_id: dict[str, Entry], graph: nx.DiGraph) -> Rest:
    required = entry.statement.requires
    beneath = nx.ancestors(graph, entry.statement.id) if entry.statement.id in graph else set()
    return Rest(
        entry,
        on=tuple(by_id[id] for id in required if id in by_id),
        absent=tuple(id for id in required if id not in by_id),
        number=len(beneath),
        weakest=weakest([by_id[id] for id in beneath]),
    )


def weakest(entries: Sequence[Entry]) -> str:
    """The weakest verdict of some entries, the weakest of all being that there is none; empty for no entries."""
    order = [NOT_RUN, *(verdict.name for verdict in Verdict)]
    return min((entry.verdict for entry in entries), key=order.index, default="")


def _nodes(layout: Layout, by_id: dict[str, Entry]) -> list[Node]:
    """Boxes column by column, each as wide as the longest label of its column."""
    found, x = [], MARGIN
    for layer in layout.layers:
        labels = {id: label(by_id[id]) for id in layer if not isinstance(id, Passing)}
        width = max(map(len, labels.values())) * LETTER + PADDING
        found += [Node(by_id[id], labels[id], x, layout.heights[id] * ROW + MARGIN, width) for id in labels]
        x += width + GAP
    return found


def label(entry: Entry) -> str:
    """The id without its paper: the picture is about what rests on what, and papers have few ties."""
    return entry.statement.id.partition(".")[2]


def _path(route: Sequence[Any], boxes: dict[str, Node], layout: Layout) -> str:
    """A curve from box to box, level where it passes a column."""
    columns = {
        node: (left, right) for layer in layout.layers for left, right in [_column(layer, boxes)] for node in layer
    }
    y = {place: layout.heights[place] * ROW + MARGIN + BOX / 2 for place in route}
    path = f"M{columns[route[0]][1]:.0f} {y[route[0]]:.1f}"
    for before, place in pairwise(route):
        start, end = columns[before][1], columns[place][0]
        middle = (start + end) / 2
        path += f"C{middle:.0f} {y[before]:.1f} {middle:.0f} {y[place]:.1f} {end:.0f} {y[place]:.1f}"
        path += f"H{columns[place][1]:.0f}" if isinstance(place, Passing) else ""
    return path


def _column(layer: Sequence[Any], boxes: dict[str, Node]) -> tuple[float, float]:
    box = next(boxes[id] for id in layer if not isinstance(id, Passing))
    return box.x, box.x + box.width
