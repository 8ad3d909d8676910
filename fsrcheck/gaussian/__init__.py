"""Closed forms for one and two standard normals, in float64 torch, accurate relative to their own size.

`univariate` has tails and truncated moments, `bivariate` the pair quantities at a correlation; both rest on
`quadrature`, and `correlation_integral` holds the integrals behind `bivariate`. `kernels` has the kernels and Hermite
coefficients of activations, `smoothing` the means of the smoothed ReLU; `balls` and `pair_balls` enclose the univariate
and bivariate quantities rigorously. The lowest floor of the mathematics: imports nothing of fsrcheck but its exceptions.
"""

from fsrcheck.gaussian.bivariate import gated_relu_mean, pair_density, relu_product_mean, upper_orthant
from fsrcheck.gaussian.univariate import (
    density,
    inverse_tail,
    relu_mean,
    relu_moment,
    tail,
    truncated_moment,
)

__all__ = [
    "density",
    "gated_relu_mean",
    "inverse_tail",
    "pair_density",
    "relu_mean",
    "relu_moment",
    "relu_product_mean",
    "tail",
    "truncated_moment",
    "upper_orthant",
]
