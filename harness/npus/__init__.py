"""NPUs: which there are, whether they are idle and healthy, and how a runtime numbers them."""

from harness.npus.choice import choose, drain, drained, restore
from harness.npus.health import after_failure, load_failure, probe, smells
from harness.npus.listing import Npu, listing, look_again
from harness.npus.mapping import prove_mapping
from harness.npus.watch import Watch, quiet

__all__ = [
    "Npu", "Watch", "after_failure", "choose", "drain", "drained", "listing", "load_failure", "look_again", "probe",
    "prove_mapping", "quiet", "restore", "smells",
]  # fmt: skip
