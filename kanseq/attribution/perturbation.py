"""Attribution methods that change the sequence token by token, or base by base, and predict again.

In: any model, base codes, references. Out: one attribution per base. No gradient is needed. Each change requires one
prediction of the model.
"""

from collections.abc import Sequence

import numpy as np

from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, MethodOptions
from kanseq.geometry import TOKEN
from kanseq.runs.trained_model import TrainedModel
from kanseq.sequences.code_edits import BASES, all_replacements, all_substitutions
from kanseq.sequences.shuffles import UNKNOWN


def occlude_tokens(
    model: TrainedModel, codes: np.ndarray, names: Sequence[str], references: References, options: MethodOptions
) -> Attribution:
    """Replace each token by that of a reference, and divide the mean drop of the logit equally among its bases.

    If references are shuffles, each token is replaced by a dinucleotide shuffle of its own bases. The reference logit
    is the logit with all tokens replaced. If tokens interact, attributions do not add up exactly to the difference
    between the logits of gene and reference.
    """
    several = references.of_tokens(codes, names)
    logit = model.logits(codes)
    below = np.stack([model.logits(several[:, index]) for index in range(several.shape[1])], axis=1)
    columns = codes.shape[1]
    starts = np.arange(0, columns, TOKEN)
    known = np.add.reduceat(codes != UNKNOWN, starts, axis=1)
    falls = np.zeros((len(codes), several.shape[1], len(starts)))
    for row in range(len(codes)):
        for index in range(several.shape[1]):
            changed = np.full(len(starts), logit[row])
            for tokens, edited in all_replacements(codes[row], several[row, index], TOKEN):
                changed[tokens] = model.logits(edited)
            falls[row, index] = logit[row] - changed
    falls[np.broadcast_to((known == 0)[:, None], falls.shape)] = 0
    each = (falls.mean(1) / np.maximum(known, 1)).repeat(TOKEN, axis=1)[:, :columns]
    values = np.where(codes != UNKNOWN, each, 0).astype(np.float32)
    sums = falls.sum(2)
    errors = np.abs(sums - (logit[:, None] - below)) / np.maximum(1, np.abs(falls).sum(2))
    return Attribution(values, logit, below, sums, errors)


def in_silico_mutagenesis(
    model: TrainedModel, codes: np.ndarray, names: Sequence[str], references: References, options: MethodOptions
) -> Attribution:
    """Replace each base by each of the three others, and return the mean drop of the logit.

    References are not used, so there is no logit difference to which the attributions add up. The hypothetical
    contribution of a base is the logit with this base minus the mean logit over all four bases in its column.
    """
    logit = model.logits(codes)
    changed = np.repeat(logit[:, None], BASES * codes.shape[1], axis=1).reshape(len(codes), BASES, -1)
    for row, gene in enumerate(codes):
        for bases, places, edited in all_substitutions(gene):
            changed[row, bases, places] = model.logits(edited)
    others = (changed.sum(1) - logit[:, None]) / (BASES - 1)
    known = codes != UNKNOWN
    values = np.where(known, logit[:, None] - others, 0).astype(np.float32)
    nothing = np.zeros((len(codes), 0))
    hypothetical = None
    if options.hypothetical:
        hypothetical = np.where(known[:, None], changed - changed.mean(1, keepdims=True), 0).astype(np.float32)
    return Attribution(values, logit, nothing, nothing, nothing, hypothetical)
