"""Gradient boosting of small trees on binned k-mer counts: an estimator that models interactions between k-mers.

In: uint8 base codes ``(n, columns)`` and targets 0 or 1. Out: logits ``(n,)`` float64, and the trees as arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.models.architecture import estimator, option
from kanseq.models.classical.kmers import BinnedKmers, KmerConfig
from kanseq.models.estimators import ROWS, Estimator, check_classes

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier


@dataclass(frozen=True, kw_only=True)
class BoostingConfig(KmerConfig):
    """Hyper-parameters of :class:`Boosting`."""

    iterations: int = option(300, "number of trees", least=1, most=100_000)
    learning_rate: float = option(0.05, "factor by which the output of each tree is multiplied", above=0, most=1)
    leaves: int = option(8, "maximum number of leaves per tree", least=2, most=65_536)
    subsample: float = option(0.5, "fraction of the training sequences to which each tree is fitted", above=0, most=1)


class Trees(NamedTuple):
    """Fitted decision trees, with the nodes of all trees in the same arrays. Children come after their parent.

    Attributes:
        prior: initial log-odds, to which the trees are added, ``(1,)`` float64.
        root: index of the root node of each tree, ``(trees,)`` int64.
        left, right: index of the next node if the tested feature is at most (left) or above (right) the threshold,
            ``(nodes,)`` int64; the node's own index in a leaf.
        feature: index of the feature (k-mer count) that each node tests, ``(nodes,)`` int64; 0 in leaves.
        threshold: threshold of each node, ``(nodes,)`` float64; 0 in leaves.
        value: value that a leaf adds to the logit, ``(nodes,)`` float64; 0 in other nodes.
    """

    prior: np.ndarray
    root: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray

    @property
    def is_leaf(self) -> np.ndarray:
        """Whether each node is a leaf, ``(nodes,)`` bool."""
        return self.left == np.arange(len(self.left))

    def logits(self, counts: np.ndarray) -> np.ndarray:
        """Return the logits ``(n,)`` float64 for k-mer counts ``(n, width)``: the prior plus all trees."""
        row = np.arange(len(counts))[:, None]
        node = np.tile(self.root, (len(counts), 1))
        while not self.is_leaf[node].all():
            below = counts[row, self.feature[node]] <= self.threshold[node]
            node = np.where(below, self.left[node], self.right[node])
        return self.prior + self.value[node].sum(axis=1)


NO_TREES = Trees(np.zeros(1), *[np.zeros(0, np.int64)] * 4, *[np.zeros(0)] * 2)


class Boosting(BinnedKmers, Estimator):
    """Stochastic gradient boosting of the log-loss (Friedman 2001, Ann Stat 29:1189; 2002, Comput Stat Data An 38:367).

    Each tree is fitted to a random subset of the training sequences. Trees grow best first: the leaf with the largest
    gain is split next. Each split is chosen among √width random features. There is no early stopping.

    Attributes:
        trees: the fitted trees.
    """

    config: BoostingConfig

    def __init__(self, config: BoostingConfig) -> None:
        """Create an unfitted model, which returns logits of 0."""
        super().__init__(config)
        self.trees = NO_TREES

    @property
    def parameters(self) -> int:
        """Number of learned values: the leaves of all trees; 0 before the fit."""
        return int(np.count_nonzero(self.trees.is_leaf))

    def fit(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        seed: int = 0,
        balanced: bool = False,
    ) -> None:
        """Fit all trees; see :meth:`.Estimator.fit`. ``groups`` is ignored because there is no cross-validation."""
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.utils.class_weight import compute_sample_weight

        targets = check_classes(targets)
        model = GradientBoostingClassifier(
            n_estimators=self.config.iterations,
            learning_rate=self.config.learning_rate,
            max_leaf_nodes=self.config.leaves,
            max_depth=None,
            max_features="sqrt",
            subsample=self.config.subsample,
            random_state=seed,
        )
        weights = compute_sample_weight("balanced", targets) if balanced else None
        self.trees = _trees_of(model.fit(self.features(codes), targets, weights))

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Return the log-odds of class 1 of each sequence in ``codes``: ``(n,)`` float64."""
        logits = np.empty(len(codes))
        for start in range(0, len(codes), ROWS):
            part = slice(start, start + ROWS)
            logits[part] = self.trees.logits(self.features(codes[part]))
        return logits

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted trees: the arrays of :class:`Trees` by name."""
        return self.trees._asdict()

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the arrays that :meth:`arrays` returned. Raise ValueError if they do not fit this model's features."""
        if set(arrays) != set(Trees._fields):
            raise ValueError(f"arrays {sorted(Trees._fields)} are required")
        trees = Trees(**arrays)
        nodes, own = len(trees.left), np.arange(len(trees.left))
        fitting = (
            np.shape(trees.prior) == (1,)
            and np.ndim(trees.root) == 1
            and all(np.shape(array) == (nodes,) for array in trees[2:])
            and all(array.dtype.kind == "i" for array in trees[1:5])
            and np.all((trees.root >= 0) & (trees.root < nodes))
            # An inner node that points to itself or to an earlier node would cause an endless loop.
            and np.all((trees.left == own) == (trees.right == own))
            and all(np.all((child >= own) & (child < nodes)) for child in (trees.left, trees.right))
            and np.all((trees.feature >= 0) & (trees.feature < self.width))
        )
        if not fitting:
            raise ValueError(f"trees on {self.width:,} features are required")
        self.trees = trees


ARCHITECTURE = estimator(
    name="boosting",
    summary="gradient boosting of trees on k-mer counts in bins",
    source="Friedman 2001, 2002, with scikit-learn (Pedregosa et al. 2011)",
    config=BoostingConfig,
    build=Boosting,
)


def _trees_of(model: "GradientBoostingClassifier") -> Trees:
    """Convert a fitted scikit-learn model to :class:`Trees`."""
    parts: list[tuple[np.ndarray, ...]] = []
    roots = []
    nodes = 0
    for tree in (one.tree_ for one in model.estimators_[:, 0]):
        own = np.arange(nodes, nodes + tree.node_count)
        leaf = tree.children_left < 0
        left, right = (np.where(leaf, own, child + nodes) for child in (tree.children_left, tree.children_right))
        splits = (np.where(leaf, 0, tree.feature), np.where(leaf, 0.0, tree.threshold))
        parts.append((left, right, *splits, np.where(leaf, model.learning_rate * tree.value[:, 0, 0], 0.0)))
        roots.append(nodes)
        nodes += tree.node_count
    low, high = model.init_.class_prior_
    joined = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Trees(np.array([np.log(high / low)]), np.array(roots), *joined)
