"""Mutants of the TensorFlow pair's networks and post-processing: candidate and reference broken alike.

Parity cannot see them, so accuracy has to.
"""

from tests.bench.mutants import SEGMENTATION, SPINENET, Change, Mutant, edit
from tests.bench.mutants_score import ABOVE

BATCH_1 = 1
# Both runtimes answer alike here, and the frozen graph alone costs half as long as its conversion.
FROZEN = {"runtime": "tf-cpu"}


def code(pattern: str, new: str) -> Change:
    """Return a change of the network's code."""
    return edit(pattern, new, "network.py")


def argument(line: str) -> Change:
    """Return a change of the network's arguments on the card: one line more."""
    return edit(r"^\[network\]\n", rf"\g<0>{line}\n")


def _seg(name: str, *how: Change) -> Mutant:
    return Mutant(name, SEGMENTATION, "accuracy", how, batch=BATCH_1)


def _spine(name: str, *how: Change, survives: str = "") -> Mutant:
    return Mutant(name, SPINENET, "accuracy", how, batch=BATCH_1, survives=survives, case=FROZEN)


RESIZED = r'images=logits, size=size, name="resize/ResizeBilinear"'

SEGMENTED = (
    _seg(
        "a softmax over the radix in the network",
        code(
            r"of_first, of_second = \(tf.nn.softmax\(part\) for part in (tf.split\(.*?\))\)$",
            r"of_first, of_second = tf.unstack(tf.nn.softmax(tf.stack(\1), axis=0))",
        ),
    ),
    _seg(
        "the two splits exchanged in the network",
        code(r"of_first \* first \+ of_second \* second", "of_second * first + of_first * second"),
    ),
    _seg("align_corners flipped in the network", code(RESIZED, rf"{RESIZED}, align_corners=True")),
    _seg("half_pixel_centers flipped in the network", code(RESIZED, rf"{RESIZED}, half_pixel_centers=True")),
    _seg("the dead branch read instead of the live one", code(r"layers.idle\((.*)\)$", r"inner = layers.unit(\1)")),
    _seg("batch normalisation in training mode", code(r"Layers\(variable, training\)", "Layers(variable, True)")),
    _seg("dilation rates in reverse", edit(r"rates = \[2, 3, 4\]", "rates = [4, 3, 2]")),
)

DETECTED = (
    _spine(
        "class numbers that count from 0 in the network",
        code(r"np.arange\(1, self.classes, ", "np.arange(0, self.classes - 1, "),
    ),
    _spine("the background not dropped, the last class is", code(r"\[:, :, 1:\]", "[:, :, :-1]")),
    _spine("scores without a sigmoid", code(r"tf.sigmoid\(logits\)\[", "logits[")),
    _spine("anchors half a cell off", code(r"np.arange\(stride / 2, ", "np.arange(0, ")),
    _spine("the anchors' aspects in another order", code(r"\(1.0, 2.0, 0.5\)", "(1.0, 0.5, 2.0)")),
    _spine("anchors of another size", argument("anchor = 4.0")),
    _spine(
        "box codes read as x before y", code(r"\+ tf.constant\(anchors\[:, :2\]", "+ tf.constant(anchors[:, 1::-1]")
    ),
    _spine("+1 dropped from the sides of an anchor", code(r" \+ np.float32\(1\)$", "")),
    _spine("-1 dropped from the far end of a box", code(r"first \+ grown - tf.constant\(1.0\)", "first + grown")),
    _spine(
        "+1 and -1 dropped, as where an end does not belong to its box",
        code(r" \+ np.float32\(1\)$", ""),
        code(r"first \+ grown - tf.constant\(1.0\)", "first + grown"),
        survives=ABOVE,
    ),
    _spine("a higher threshold of non-maximum suppression", argument("overlap = 0.9")),
    _spine("a higher threshold of scores", argument("least_score = 0.5")),
    _spine("image information with another scale", code(r"\[1, 1\], \[0, 0\]", "[2, 2], [0, 0]")),
    _spine(
        "the leftover map not added",
        code("^LEFTOVER, TAKES_LEFTOVER = 11, 14", "LEFTOVER, TAKES_LEFTOVER = 11, 99"),
        survives="only the coarsest level reads it, and the generated digits are too small to be found there",
    ),
    _spine(
        "TensorFlow's padding for the fixed one",
        code("^        if stride > 1:\n            around", "        if stride > 99:\n            around"),
        code('"VALID" if stride > 1 else "SAME"', '"SAME"'),
    ),
    _spine("mean and std in reverse in the graph", code(r"tf.constant\(MEAN\)", "tf.constant(MEAN[::-1])")),
)

MUTANTS = (*SEGMENTED, *DETECTED)
