"""Statistics of the gates: pure functions of numbers, exact where an exact formula exists.

Binomial tails and normal quantiles are computed here rather than taken from scipy, which would be two thirds of an NPU
host's installation.
"""

from harness.stats.bootstrap import CONFIDENCE, Index, Interval, bootstrap_interval, bootstrap_sums, interval_error
from harness.stats.exact import binomial_half, mcnemar_p, proportion_interval
from harness.stats.paired import loss_interval, normal_tail, score_z, upper_loss, z_of
from harness.stats.sequential import case_level, look_sizes, regression_bounds, spent
from harness.stats.unpaired import Threshold, share_error, subset_factor, threshold

__all__ = [
    "CONFIDENCE",
    "Index",
    "Interval",
    "Threshold",
    "binomial_half",
    "bootstrap_interval",
    "bootstrap_sums",
    "case_level",
    "interval_error",
    "look_sizes",
    "loss_interval",
    "mcnemar_p",
    "normal_tail",
    "proportion_interval",
    "regression_bounds",
    "score_z",
    "share_error",
    "spent",
    "subset_factor",
    "threshold",
    "upper_loss",
    "z_of",
]
