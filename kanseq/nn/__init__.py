"""KAN layers as PyTorch modules, which are independent of genomics.

In: tensors. Out: tensors. The networks of :mod:`kanseq.models` are built from these layers.
"""

from kanseq.nn.bases.basis import Basis, Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.bases.fourier import Fourier
from kanseq.nn.bases.wavelets import MexicanHats
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.conv import KANConv1d
from kanseq.nn.layer import EdgeFunctions
from kanseq.nn.linear import KANLinear
from kanseq.nn.precision import PRECISIONS, resolve_precision, set_precision
from kanseq.nn.rbf import RBFLinear

__all__ = [
    "PRECISIONS",
    "BSplineLinear",
    "BSplines",
    "Basis",
    "Chebyshev",
    "EdgeFunctions",
    "Fourier",
    "Gaussians",
    "KANConv1d",
    "KANLinear",
    "MexicanHats",
    "RBFLinear",
    "resolve_precision",
    "set_precision",
]
