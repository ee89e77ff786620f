"""KAN layers, independent of genomes.

In: tensors. Out: tensors. Every network of this package is built from these PyTorch modules.
"""

from kanseq.nn.basis import Basis, Gaussians
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.bsplines import BSplines
from kanseq.nn.chebyshev import Chebyshev
from kanseq.nn.conv import KANConv1d
from kanseq.nn.fourier import Fourier
from kanseq.nn.layer import EdgeFunctions
from kanseq.nn.linear import KANLinear
from kanseq.nn.precision import PRECISIONS, resolve_precision, set_precision
from kanseq.nn.rbf import RBFLinear
from kanseq.nn.wavelets import MexicanHats

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
