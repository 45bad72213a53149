"""Mutants of the facts on a card: preprocessing, outputs, metric, promise, data and network arguments."""

from tests.bench.mutants import ICNET, INTRADA, RESNEST, Mutant, edit, refused

STEP = r'^\[\[preprocess\]\]\nstep = "{}"\n(params = .*\n)?\n'
SCALE, NORMALIZE, SUBTRACT, BGR = (STEP.format(name) for name in ("scale", "normalize", "subtract", "bgr"))
RESIZE, CROP = STEP.format("resize"), STEP.format("center_crop")
TO_FLOAT = '[[preprocess]]\nstep = "to_float"\n\n'
SWAP = '[[preprocess]]\nstep = "bgr"\n\n'


def step(name: str, params: str) -> str:
    """Return a step as a card states it."""
    return f'[[preprocess]]\nstep = "{name}"\nparams = {{ {params} }}\n\n'


PREPROCESSING = (
    Mutant("BGR for RGB", RESNEST, "accuracy", (edit(SCALE, SWAP + '[[preprocess]]\nstep = "scale"\n\n'),)),
    Mutant("BGR for RGB", ICNET, "accuracy", (edit(SCALE, SWAP + '[[preprocess]]\nstep = "scale"\n\n'),)),
    Mutant("RGB for BGR", INTRADA, "accuracy", (edit(BGR, ""),)),
    Mutant("no mean and std", RESNEST, "accuracy", (edit(NORMALIZE, ""),)),
    Mutant("no mean and std", ICNET, "accuracy", (edit(NORMALIZE, ""),)),
    Mutant("no mean", INTRADA, "accuracy", (edit(SUBTRACT, ""),)),
    Mutant(
        "the mean without the std",
        RESNEST,
        "accuracy",
        (edit(NORMALIZE, step("subtract", "mean = [0.485, 0.456, 0.406]")),),
    ),
    Mutant("bytes not divided by 255", RESNEST, "accuracy", (edit(SCALE, TO_FLOAT),)),
    Mutant(
        "mean and std of 0-255 on pixels of 0-1",
        ICNET,
        "accuracy",
        (edit(NORMALIZE, step("normalize", "mean = [123.7, 116.3, 103.5], std = [58.4, 57.1, 57.4]")),),
    ),
    Mutant("mean subtracted twice", INTRADA, "accuracy", (edit(SUBTRACT, r"\g<0>\g<0>"),)),
    Mutant("nearest for bilinear resize", RESNEST, "accuracy", (edit('filter = "bilinear"', 'filter = "nearest"'),)),
    Mutant("nearest for bicubic resize", INTRADA, "accuracy", (edit('filter = "bicubic"', 'filter = "nearest"'),)),
    Mutant(
        "resized instead of cropped",
        RESNEST,
        "accuracy",
        (edit(RESIZE, step("resize", 'width = 32, height = 32, filter = "bilinear"')), edit(CROP, "")),
    ),
    Mutant(
        "cropped instead of resized",
        INTRADA,
        "accuracy",
        (edit(RESIZE, step("center_crop", "width = 192, height = 96")),),
    ),
    Mutant(
        "cropped before it is resized",
        RESNEST,
        "accuracy",
        (
            edit(CROP, ""),
            edit(RESIZE, step("center_crop", "width = 40, height = 40") + r"\g<0>"),
            edit("width = 40, height = 40, filter", "width = 32, height = 32, filter"),
        ),
    ),
    Mutant(
        "crop of another size than the input",
        RESNEST,
        "accuracy",
        (edit("width = 32, height = 32", "width = 30, height = 30"),),
        "wrong-error",
    ),
    Mutant("an unknown step", RESNEST, "accuracy", (edit('"scale"', '"scales"'),), "wrong-error"),
    Mutant("a mean of two numbers", ICNET, "accuracy", (edit(r"mean = \[0.485, ", "mean = ["),), "wrong-error"),
    Mutant("a std of zero", ICNET, "accuracy", (edit(r"std = \[0.229", "std = [0.0"),), "wrong-error"),
)

FACTS = (
    Mutant(
        "the auxiliary head scored",
        INTRADA,
        "accuracy",
        (edit("^scored = true\n", ""), edit('^name = "segmentation"', r"scored = true\n\g<0>")),
    ),
    Mutant(
        "output indices exchanged",
        INTRADA,
        "accuracy",
        (edit("^index = 0", "index = 9"), edit("^index = 1", "index = 0"), edit("^index = 9", "index = 1")),
    ),
    Mutant(
        "a coarser output scored",
        ICNET,
        "accuracy",
        (edit("^scored = true\n", ""), edit("^om = false", "scored = true")),
        "wrong-error",
    ),
    refused(Mutant("two outputs scored", INTRADA, "", (edit('^name = "segmentation"', r"scored = true\n\g<0>"),))),
    refused(Mutant("the scored output not kept", RESNEST, "", (edit("^scored = true", r"\g<0>\nom = false"),))),
    Mutant(
        "align_corners flipped when scoring",
        INTRADA,
        "accuracy",
        (edit("align_corners = true", "align_corners = false"),),
    ),
    Mutant(
        "logits not enlarged when scoring", INTRADA, "accuracy", (edit("^params = { upsample.*\n", ""),), "wrong-error"
    ),
    Mutant(
        "height and width exchanged when scoring",
        INTRADA,
        "accuracy",
        (edit(r"upsample = { height = (\d+), width = (\d+)", r"upsample = { height = \2, width = \1"),),
        "wrong-error",
    ),
    Mutant("mIoU by the dataset protocol for the running mean", ICNET, "accuracy", (edit("running-mean", "dataset"),)),
    Mutant(
        "a protocol that the scorer does not know", INTRADA, "accuracy", (edit('"dataset"', '"mean"'),), "wrong-error"
    ),
    refused(
        Mutant("the promise in per cent without the unit", RESNEST, "", (edit(r"^value = 0\.(..)", r"value = \1."),))
    ),
    refused(Mutant("a fraction called per cent", RESNEST, "", (edit(r"^value = 0\..*", r'\g<0>\nunit = "%"'),))),
    Mutant("one class too few", RESNEST, "accuracy", (edit(r', "9"\]', "]"),), "wrong-error"),
    Mutant("one class too few", ICNET, "accuracy", (edit(r', "9"\]', "]"),), "wrong-error"),
    Mutant("an output of another shape", RESNEST, "parity", (edit(r'\["N", 10\]', '["N", 11]'),), "wrong-error"),
    Mutant(
        "one picture fewer than declared", RESNEST, "accuracy", (edit("^count = 2000", "count = 1999"),), "wrong-error"
    ),
    Mutant("another split", INTRADA, "accuracy", (edit('^split = "val"', 'split = "test"'),), "wrong-error"),
    Mutant("other dilations", INTRADA, "accuracy", (edit(r"dilations = \[1, 2\]", "dilations = [2, 1]"),)),
    Mutant(
        "a wider attention", RESNEST, "parity", (edit("attention_floor = 8", "attention_floor = 16"),), "wrong-error"
    ),
    Mutant("the other variant of the network", ICNET, "parity", (edit('"windowed"', '"adaptive"'),), "wrong-error"),
    refused(Mutant("a misspelt key", ICNET, "", (edit("^protocol =", "protcol ="),))),
)

MUTANTS = (*PREPROCESSING, *FACTS)
