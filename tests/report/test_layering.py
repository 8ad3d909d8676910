"""The places of a graph: order, distance and few crossings, on any graph."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.report.layering import Passing, acyclic, crossings, layered

edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda e: e[0] != e[1]), max_size=24)


@given(edges)
@settings(max_examples=40, deadline=None)
def test_any_graph_is_placed_with_room_around_every_node(pairs):
    graph = acyclic(nx.DiGraph(pairs))
    layout = layered(graph)
    layer_of = {node: i for i, layer in enumerate(layout.layers) for node in layer}
    assert {node for node in layer_of if not isinstance(node, Passing)} == set(graph)
    assert all(layer_of[start] < layer_of[end] for start, end in graph.edges)
    for layer in layout.layers:
        assert layer
        heights = [layout.heights[node] for node in layer]
        assert all(low + 1 <= high + 1e-9 for low, high in pairwise(heights))
    assert min(layout.heights.values(), default=0.0) == pytest.approx(0.0)


@given(edges)
@settings(max_examples=40, deadline=None)
def test_every_edge_goes_through_every_layer_between_its_ends(pairs):
    layout = layered(acyclic(nx.DiGraph(pairs)))
    layer_of = {node: i for i, layer in enumerate(layout.layers) for node in layer}
    for (start, end), route in layout.routes.items():
        assert (route[0], route[-1]) == (start, end)
        assert [layer_of[place] for place in route] == list(range(layer_of[start], layer_of[end] + 1))


@given(edges)
@settings(max_examples=40, deadline=None)
def test_what_is_left_of_a_graph_has_no_cycle_and_reaches_as_far(pairs):
    graph = nx.DiGraph(pairs)
    found = acyclic(graph)
    assert nx.is_directed_acyclic_graph(found)
    assert set(found.edges) <= set(graph.edges)
    if nx.is_directed_acyclic_graph(graph):
        assert all(nx.descendants(found, n) == nx.descendants(graph, n) for n in found)


def test_an_edge_that_others_imply_is_left_out():
    assert set(acyclic(nx.DiGraph([(1, 2), (2, 3), (1, 3)])).edges) == {(1, 2), (2, 3)}


def test_crossings_are_counted():
    places = nx.DiGraph([("a", "y"), ("b", "x")])
    assert crossings([["a", "b"], ["x", "y"]], places) == 1
    assert crossings([["a", "b"], ["y", "x"]], places) == 0


def test_a_tangle_that_can_be_undone_is_undone():
    """A broom whose straws are listed in another order than what they lead to."""
    graph = nx.DiGraph()
    graph.add_nodes_from([f"end {i}" for i in range(7)])
    graph.add_edges_from(("root", f"straw {i}") for i in range(7))
    graph.add_edges_from((f"straw {i}", f"end {(5 * i) % 7}") for i in range(7))
    assert crossings([["root"], [f"straw {i}" for i in range(7)], [f"end {i}" for i in range(7)]], graph) > 0
    assert crossings(layered(graph).layers, graph) == 0


def test_what_rests_on_nothing_stands_just_before_what_rests_on_it():
    layout = layered(nx.DiGraph([("a", "b"), ("b", "c"), ("late", "c")]))
    assert "late" in layout.layers[1]


def test_an_empty_graph_has_no_layers():
    assert layered(nx.DiGraph()).layers == []
