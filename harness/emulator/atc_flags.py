"""ATC's command line: the flags it declares, how they are written, and what their values may be."""

import re
from collections.abc import Callable, Mapping, Sequence

from harness.emulator import atc_socs
from harness.emulator.atc_errors import AtcError, FlagError

_EMPTY = """
    aicore_num auto_tune_mode buffer_optimize_ext cluster_config compress_weight_conf compression_optimize_conf
    customize_dtypes ddk_version debug_dir distributed_cluster_build dynamic_batch_size dynamic_dims
    dynamic_image_size fusion_switch_file input_format input_fp16_nodes input_hint_shape input_shape input_shape_range
    insert_op_conf is_input_adjust_hw_layout is_output_adjust_hw_layout json keep_dtype log_level mdl_bank_path model
    modify_mixlist om op_bank_path op_compiler_cache_dir op_name_map op_precision_mode op_select_implmode
    optypelist_for_implmode out_nodes output output_type precision_mode precision_mode_v2 singleop soc_version
    virtual_type weight
"""
DEFAULTS: Mapping[str, str] = {
    **dict.fromkeys(_EMPTY.split(), ""),
    "framework": "-1",
    "mode": "0",
    "log": "null",
    "check_report": "check_result.json",
    "buffer_optimize": "l2_optimize",
    "enable_small_channel": "0",
    "enable_compress_weight": "false",
    "enable_single_stream": "false",
    "enable_scope_fusion_passes": "",
    "disable_reuse_memory": "0",
    "op_debug_level": "0",
    "op_debug_config": "",
    "core_type": "AiCore",
    "op_compiler_cache_mode": "disable",
    "external_weight": "0",
    "deterministic": "0",
    "device_id": "0",
    "display_model_info": "0",
    "dump_mode": "0",
    "save_original_model": "false",
    "sparsity": "0",
    "tiling_schedule_optimize": "0",
    "quant_dumpable": "0",
    "status_check": "0",
    "head_stream": "0",
    "help": "false",
    "h": "false",
}
SWITCHES = frozenset({"help", "h", "enable_single_stream"})
"""Flags that need no value."""
FRAMEWORKS = "0(Caffe) or 1(MindSpore) or 3(TensorFlow) or 5(Onnx)"
PRECISIONS = frozenset(
    {
        "force_fp16",
        "force_fp32",
        "cube_fp16in_fp32out",
        "allow_mix_precision",
        "allow_fp32_to_fp16",
        "must_keep_origin_dtype",
        "allow_mix_precision_fp16",
        "allow_mix_precision_bf16",
        "allow_fp32_to_bf16",
    }
)
PRECISIONS_V2 = {
    "fp16": "force_fp16",
    "origin": "must_keep_origin_dtype",
    "cube_fp16in_fp32out": "cube_fp16in_fp32out",
    "mixed_float16": "allow_mix_precision_fp16",
    "mixed_bfloat16": "allow_mix_precision_bf16",
}
OUTPUT_TYPES = {
    "FP32": "float32",
    "FP16": "float16",
    "INT8": "int8",
    "INT16": "int16",
    "UINT16": "uint16",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "DOUBLE": "float64",
}
CHOICES: Mapping[str, frozenset[str]] = {
    "input_format": frozenset({"", "NCHW", "NHWC", "ND", "NCDHW", "NDHWC"}),
    "precision_mode": PRECISIONS | {""},
    "precision_mode_v2": frozenset(PRECISIONS_V2) | {"", "cube_hif8", "mixed_hif8"},
    "op_select_implmode": frozenset(
        {"", "high_precision", "high_performance", "high_precision_for_all", "high_performance_for_all"}
    ),
    "buffer_optimize": frozenset({"l1_optimize", "l2_optimize", "off_optimize", "l1_and_l2_optimize"}),
    "op_debug_level": frozenset("01234"),
    "op_compiler_cache_mode": frozenset({"disable", "enable", "force"}),
    "core_type": frozenset({"AiCore", "VectorCore"}),
    "mode": frozenset({"0", "1", "3", "5", "6", "30"}),
}
ZERO_OR_ONE = ("enable_small_channel", "disable_reuse_memory", "deterministic", "display_model_info")
LOGS = ("debug", "info", "warning", "error", "null")
# Auto Tune made way for AOE; from which version on is not established.
NO_AUTO_TUNE_FROM = (6, 0)
GEARS = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims", "input_shape_range")


def parse(argv: Sequence[str]) -> dict[str, str]:
    """Return the value of every declared flag, of `--x=v`, `--x v`, `-x=v` and `-x v`; the last one counts.

    Raises FlagError for a flag that is not declared or has no value, and AtcError E10054 for a word that belongs to
    none: what is left of a value without quotes.
    """
    values = dict(DEFAULTS)
    words = iter(argv)
    for word in words:
        match = re.fullmatch(r"--?(\w[\w-]*)(?:=(.*))?", word, re.DOTALL)
        if match is None:
            raise AtcError("E10054", word)
        name, value = match[1], match[2]
        if name not in DEFAULTS:
            raise FlagError("atc", f"ERROR: unknown command line flag '{name}'")
        if value is None:
            value = "true" if name in SWITCHES else next(words, None)
        if value is None:
            raise FlagError("atc", f"ERROR: flag '--{name}' is missing its argument")
        values[name] = value
    return values


def check(flags: Mapping[str, str], cann: tuple[int, int]) -> None:
    """Raise AtcError for a conversion's flags that this version refuses before it looks at the model."""
    _check_required(flags, cann)
    _check_choices(flags)
    if sum(bool(flags[name]) for name in GEARS) > 1:
        raise AtcError("E10009")
    if flags["input_shape_range"]:
        raise AtcError("E10055", "an OM of any shape cannot be emulated; give --input_shape and profiles")
    if flags["auto_tune_mode"] and cann >= NO_AUTO_TUNE_FROM:
        reason = "Auto Tune function has been deprecated. Please use AOE instead"
        raise AtcError("E10001", flags["auto_tune_mode"], "--auto_tune_mode", reason)
    if not atc_socs.known(flags["soc_version"], cann):
        raise AtcError("E10014", flags["soc_version"], "soc_version")
    precision(flags)
    output_types(flags)


def _check_required(flags: Mapping[str, str], cann: tuple[int, int]) -> None:
    checks: list[Callable[[], None]] = [lambda: _require(flags, "model"), lambda: _check_framework(flags)]
    for one in checks if cann < (7, 0) else reversed(checks):  # `atc` alone names --model up to 6, --framework from 7
        one()
    for name in ("output", "soc_version"):
        _require(flags, name)


def _require(flags: Mapping[str, str], name: str) -> None:
    if not flags[name].strip():
        raise AtcError("E10054", f"--{name}")


def _check_framework(flags: Mapping[str, str]) -> None:
    if flags["framework"] not in ("0", "1", "3", "5"):
        raise AtcError("E10007", "framework", FRAMEWORKS)
    if flags["framework"] == "0" and not flags["weight"]:
        raise AtcError("E10008")
    if flags["framework"] in ("0", "1"):
        raise AtcError("E10055", "the emulated ATC converts 3(TensorFlow) and 5(Onnx) only")


def _check_choices(flags: Mapping[str, str]) -> None:
    if flags["log"] not in LOGS:
        raise AtcError("E10010", flags["log"])
    for name, choices in CHOICES.items():
        if flags[name] not in choices:
            raise AtcError("E10001", flags[name], f"--{name}", f"The value must be one of {sorted(choices - {''})}.")
    for name in ZERO_OR_ONE:
        if flags[name] not in ("0", "1"):
            raise AtcError("E10001", flags[name], f"--{name}", "The value must be 1 or 0.")


def precision(flags: Mapping[str, str]) -> str:
    """Return the precision mode asked for, `force_fp16` if none; raises AtcError E10001 for one that cannot be."""
    if flags["precision_mode"] and flags["precision_mode_v2"]:
        reason = "--precision_mode and --precision_mode_v2 cannot be used together."
        raise AtcError("E10001", flags["precision_mode_v2"], "--precision_mode_v2", reason)
    asked = flags["precision_mode_v2"] or flags["precision_mode"] or "force_fp16"
    mode = PRECISIONS_V2.get(asked, asked)
    if mode not in PRECISIONS or "bf16" in mode:
        raise AtcError("E10001", asked, "--precision_mode", f"{flags['soc_version']} has no such type.")
    return mode


def output_types(flags: Mapping[str, str]) -> tuple[str, dict[tuple[str, int], str]]:
    """Return the dtype of all outputs (empty: the model's own) and of single ones by node and index.

    Raises AtcError E10001 for a type that ATC does not name, or a malformed list.
    """
    text = flags["output_type"].strip()
    if not text or text in OUTPUT_TYPES:
        return OUTPUT_TYPES.get(text, ""), {}
    single = {}
    for part in text.strip(";").split(";"):
        match = re.fullmatch(r"\s*(.+):(\d+):(\w+)\s*", part)
        if match is None or match[3] not in OUTPUT_TYPES:
            reason = f"The value must be one of {sorted(OUTPUT_TYPES)}, or node:index:type."
            raise AtcError("E10001", text, "--output_type", reason)
        single[match[1], int(match[2])] = OUTPUT_TYPES[match[3]]
    return "", single
