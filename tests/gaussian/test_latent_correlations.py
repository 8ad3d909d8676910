"""The correlation behind a pair comes back, and a table of correlations becomes the nearest matrix of correlations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.gaussian.bivariate import relu_product_mean, upper_orthant
from fsrcheck.gaussian.latent_correlations import correlation_of_product, correlation_of_rate, nearest_correlation
from fsrcheck.model.streams import standard_normal, streams

thresholds = st.floats(-1.0, 2.5)
LAWS = {"rate": (upper_orthant, correlation_of_rate), "product": (relu_product_mean, correlation_of_product)}


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("name", LAWS)
@settings(max_examples=40, deadline=None)
@given(h1=thresholds, apart=st.floats(-0.5, 0.5), rho=st.floats(-0.5, 0.9))
def test_the_correlation_behind_a_pair_comes_back(name, h1, apart, rho):
    law, inverse = LAWS[name]
    h2 = h1 + apart  # far apart, with rho next to 1, one event implies the other, and rho no longer matters
    assert float(inverse(tensor(h1), tensor(h2), law(h1, h2, rho))) == pytest.approx(rho, abs=1e-5)


@pytest.mark.parametrize("name", LAWS)
def test_what_no_correlation_explains_goes_to_the_limit(name):
    _, inverse = LAWS[name]
    found = inverse(tensor(1.0, 1.0), tensor(1.0, 1.0), tensor(0.0, 5.0), limit=0.9)
    assert found.tolist() == pytest.approx([-0.9, 0.9])


def test_shapes_broadcast():
    found = correlation_of_rate(tensor(1.0, 1.2)[:, None], tensor(0.5, 0.7, 0.9), tensor(0.05))
    assert found.shape == (2, 3)
    assert torch.equal(found[1, 2], correlation_of_rate(tensor(1.2), tensor(0.9), tensor(0.05))[0])


@pytest.mark.parametrize(("rate", "limit"), [(torch.nan, 0.9), (0.1, 0.0), (0.1, 1.0)])
def test_what_is_no_question_is_refused(rate, limit):
    with pytest.raises(InputError, match="must be"):
        correlation_of_rate(tensor(1.0), tensor(1.0), tensor(rate), limit=limit)


def symmetric(seed, size, spread):
    noise = spread * standard_normal(streams([seed], "table"), (size, size))
    table = (noise + noise.mT).clamp(-0.99, 0.99)
    table.diagonal(dim1=1, dim2=2).fill_(1.0)
    return table


def test_the_example_of_higham():
    """N. J. Higham, Computing the nearest correlation matrix (2002): the matrix of section 1's kind with known answer."""
    table = torch.tensor([[[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]], dtype=torch.float64)
    expected = torch.tensor([[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]], dtype=torch.float64)
    assert torch.allclose(nearest_correlation(table)[0], expected, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 6), spread=st.floats(0.1, 1.0))
def test_it_is_a_correlation_matrix_and_none_nearby_is_nearer(seed, size, spread):
    table = symmetric(seed, size, spread)
    found = nearest_correlation(table)
    assert torch.allclose(found.diagonal(dim1=1, dim2=2), torch.ones(1, size, dtype=torch.float64))
    assert float(torch.linalg.eigvalsh(found).min()) > -1e-12
    distance = (found - table).norm()
    other = standard_normal(streams([seed], "other"), (size, size + 2))
    other = torch.nn.functional.normalize(other, dim=2)
    towards = found + 0.1 * (other @ other.mT - found)  # correlation matrices form a convex set
    assert float((towards - table).norm()) >= float(distance) - 1e-6


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_correlation_matrix_stays_as_it_is(seed):
    rows = torch.nn.functional.normalize(standard_normal(streams([seed], "rows"), (5, 3)), dim=2)
    table = rows @ rows.mT
    assert torch.allclose(nearest_correlation(table), table, atol=1e-6)


def test_a_batch_is_its_instances():
    tables = torch.cat([symmetric(seed, 5, 0.8) for seed in range(3)])
    alone = torch.cat([nearest_correlation(table[None]) for table in tables])
    assert torch.allclose(nearest_correlation(tables), alone, atol=1e-7)


@pytest.mark.parametrize(
    "table", [torch.eye(3), torch.full((1, 2, 2), torch.nan), torch.tensor([[[1.0, 0.5], [0.2, 1]]])]
)
def test_what_is_no_table_is_refused(table):
    with pytest.raises(InputError, match="must be"):
        nearest_correlation(table)
