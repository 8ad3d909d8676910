"""Places the nodes of a directed graph in columns, each to the right of what it rests on, so that few edges cross.

The method of Sugiyama, Tagawa and Toda (1981): layers, an empty node where an edge passes a layer, orders by the mean place of the
neighbours, then heights by least squares under that order (isotonic regression).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx
from scipy.optimize import isotonic_regression

SWEEPS = 24  # there and back; the order of the drawings at hand is settled after about ten


@dataclass(frozen=True)
class Passing:
    """Where an edge passes a layer that neither of its ends is in."""

    edge: tuple[Hashable, Hashable]
    layer: int


@dataclass(frozen=True)
class Layout:
    """Places in units of a layer and of a row.

    Attributes:
        layers: the nodes of every layer from top to bottom, places where an edge passes among them.
        heights: of every node and passing place, from 0; at least 1 apart within a layer.
        routes: what every edge goes through, its ends included.
    """

    layers: Sequence[Sequence[Any]]
    heights: Mapping[Any, float]
    routes: Mapping[tuple[Any, Any], Sequence[Any]]


def acyclic(graph: nx.DiGraph) -> nx.DiGraph:
    """A copy without the edges that close a cycle, and without those that others imply."""
    found = graph.copy()
    while not nx.is_directed_acyclic_graph(found):
        found.remove_edge(*nx.find_cycle(found)[-1][:2])
    reduced = nx.transitive_reduction(found)
    return nx.DiGraph(edge for edge in found.edges if edge in reduced.edges)


def layered(graph: nx.DiGraph) -> Layout:
    """Place a graph without cycles; what rests on nothing stands just before the first that rests on it."""
    layer_of = _layers(graph)
    routes = {edge: _route(edge, layer_of) for edge in graph.edges}
    places = nx.DiGraph(pair for route in routes.values() for pair in pairwise(route))
    places.add_nodes_from(graph)
    layers: list[list[Any]] = [[] for _ in range(1 + max(layer_of.values(), default=-1))]
    for place in dict.fromkeys(place for component in _components(graph, routes) for place in component):
        layers[place.layer if isinstance(place, Passing) else layer_of[place]].append(place)
    _sort(layers, places)
    return Layout(layers, _heights(layers, places), routes)


def _layers(graph: nx.DiGraph) -> dict[Any, int]:
    found = {node: layer for layer, nodes in enumerate(nx.topological_generations(graph)) for node in nodes}
    near = {n: min((found[s] for s in graph.successors(n)), default=1) - 1 for n in graph if not graph.in_degree(n)}
    return {**found, **near}


def _route(edge: tuple[Any, Any], layer_of: Mapping[Any, int]) -> list[Any]:
    start, end = edge
    return [start, *(Passing(edge, layer) for layer in range(layer_of[start] + 1, layer_of[end])), end]


def _components(graph: nx.DiGraph, routes: Mapping[tuple[Any, Any], Sequence[Any]]) -> list[list[Any]]:
    """Nodes and passing places, those that hang together in a row: so their order starts out apart."""
    parts = sorted(nx.weakly_connected_components(graph), key=len, reverse=True)
    ordered = [[node for node in graph if node in part] for part in parts]
    return [[*nodes, *(p for edge, route in routes.items() if edge[0] in nodes for p in route)] for nodes in ordered]


def _sort(layers: list[list[Any]], places: nx.DiGraph) -> None:
    """Sweep there and back; keep the order of the sweep with the fewest crossings."""
    best, fewest = [list(layer) for layer in layers], crossings(layers, places)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        for layer in layers[1:] if forth else layers[-2::-1]:
            index = {node: i for nodes in layers for i, node in enumerate(nodes)}
            layer.sort(key=lambda node: _mean(index, places, node, forth))
        count = crossings(layers, places)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def _mean(values: Mapping[Any, float], places: nx.DiGraph, node: Any, before: bool) -> float:
    """The mean over the neighbours on one side; a node without any stays where it is."""
    near = list(places.predecessors(node) if before else places.successors(node))
    return sum(values[other] for other in near) / len(near) if near else values[node]


def crossings(layers: Sequence[Sequence[Any]], places: nx.DiGraph) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    for left, right in pairwise(layers):
        index = {node: i for i, node in enumerate(right)}
        ends = [sorted(index[other] for other in places.successors(node)) for node in left]
        flat = [end for group in ends for end in group]
        total += sum(a > b for i, a in enumerate(flat) for b in flat[i + 1 :])
    return total


def _heights(layers: Sequence[Sequence[Any]], places: nx.DiGraph) -> dict[Any, float]:
    """Heights near those of the neighbours, at least 1 apart, from 0."""
    heights = {node: float(i) for layer in layers for i, node in enumerate(layer)}
    for _ in range(SWEEPS):
        for layer in (*layers, *reversed(layers)):
            wanted = [_wish(heights, places, node) - i for i, node in enumerate(layer)]
            fitted = isotonic_regression(wanted).x
            heights |= {node: float(height) + i for i, (node, height) in enumerate(zip(layer, fitted, strict=True))}
    lowest = min(heights.values(), default=0.0)
    return {node: height - lowest for node, height in heights.items()}


def _wish(heights: Mapping[Any, float], places: nx.DiGraph, node: Any) -> float:
    sides = [before for before in (True, False) if list((places.pred if before else places.succ)[node])]
    return sum(_mean(heights, places, node, before) for before in sides) / len(sides) if sides else heights[node]
