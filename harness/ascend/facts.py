"""What is taken for granted about the Ascend tools without a source that proves it: for the self-test to look at.

A fact that the self-test finds otherwise on a host is a difference to report, whether or not anything breaks there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One unverified fact: what it says, what is assumed, the modules that rely on it or are lenient about it.

    `not_probed` says why no self-test can look at it; it is empty for those that it does look at.
    """

    id: str
    says: str
    assumed: str
    relied_on_by: tuple[str, ...]
    not_probed: str = ""


# fmt: off
FACTS = (
    # atc
    Fact("atc-output-om-suffix", "ATC appends .om to --output, whatever that ends with",
         "--output=dotted.om writes dotted.om.om", ("harness.convert.atc_run",)),
    Fact("atc-reads-links", "ATC reads a model through a symbolic link", "a model behind a link is converted",
         ("harness.convert.atc_run",)),
    Fact("atc-exit-code-on-failure", "an ATC that fails does not end with exit code 0", "another exit code than 0",
         ("harness.convert.atc_run",)),
    Fact("atc-unknown-input-code",
         "ATC refuses a name in --input_shape that the model has not with a code of its own", "E10016 or E10017",
         ("harness.ascend.code_tables",)),
    Fact("atc-unknown-out-node-code",
         "ATC refuses a node in --out_nodes that the model has not with a code of its own", "E10016 or E11017",
         ("harness.ascend.code_tables",)),
    Fact("atc-side-products",
         "besides the OM, ATC leaves only files of its own in its working folder, and no second OM",
         "nothing that ends in .om but the OM", ("harness.convert.atc_run",)),
    Fact("dynamic-om-suffix", "an OM with batch gears keeps its name; only one of free shapes gets the host's suffix",
         "--dynamic_batch_size writes gears.om", ("harness.convert.atc_run",)),
    Fact("om-file-mode", "ATC writes an OM that only its owner may read", "mode 0600",
         ("harness.runtimes.ascend_files",)),
    Fact("om-names-its-chip", "the head of an OM says for which chip it is, or nothing of it",
         "the chip that was asked for, or no chip", ("harness.om_build",)),
    Fact("om-output-display-name", "an OM names an output node:index:tensor", "add:0:y",
         ("harness.runtimes.aclruntime",)),
    Fact("precision-mode-default", "without --precision_mode ATC computes in float16", "2048 + 1 is 2048",
         ("harness.convert.atc_run", "harness.ascend_host")),
    Fact("fp16-output-dtype",
         "inputs and outputs of an OM keep the model's dtypes, also where it computes in float16",
         "float32 in, float32 out", ("harness.runtimes.aclruntime", "harness.runtimes.files")),
    Fact("int64-in-om", "an int64 tensor of a model is int64 in the OM too", "int64 in, int64 out",
         ("harness.runtimes.aclruntime",)),
    Fact("atc-host-oom", "an ATC that the kernel kills for memory prints no verdict", "no verdict, nor exit code 0",
         ("harness.convert.atc_run",)),
    Fact("atc-memory-check",
         "an ATC that finds a graph too large for the chip says `memory size` and `larger than` or `exceed`",
         "such a text means oom", ("harness.ascend.code_tables",),
         "needs a graph larger than the chip, which takes too long; a case that expects oom shows it"),
    # aclruntime
    Fact("acl-exec-time-pairs",
         "the newer aclruntime, whose sessions have free_resource, gives times as start and end, the older as numbers",
         "pairs with free_resource, numbers without", ("harness.worker",)),
    Fact("acl-wrong-size-refused", "aclruntime refuses an input of another size before it reaches the device",
         "[-1] or [1] as RuntimeError", ("harness.ascend.code_tables", "harness.worker")),
    Fact("acl-load-failure-code", "aclruntime says [1] of a damaged OM, and `load model from file failed` before it",
         "[1] and that line", ("harness.runtimes.om_failures", "harness.npus.health")),
    Fact("load-oom-signature",
         "a load without enough device memory leaves a sign of the contract (EL0004, 207001, 245000, `allocate`)",
         "one of them in the console text", ("harness.ascend.code_tables", "harness.npus.health"),
         "would need to take the whole memory of the device; a case that expects oom shows it"),
    Fact("rt-visible-renumbers",
         "ASCEND_RT_VISIBLE_DEVICES renumbers the devices from 0 from CANN 7 on, and is ignored before",
         "renumbered from CANN 7 on, not before", ("harness.npus.listing",)),
    # ais_bench
    Fact("ais-bench-summary-sibling",
         "the summary lies beside the folder of outputs, in ais_infer inside it as sumary.json",
         "results_summary.json beside results, or */sumary.json", ("harness.runtimes.ais_bench",)),
    Fact("ais-bench-numbering-from-0",
         "the first output of `<name>.bin` is `<name>_0.bin`, in the oldest sample_id_<k>_output_0.bin",
         "one of the two", ("harness.runtimes.ais_bench",)),
    Fact("ais-bench-rounds-per-loop",
         "the summary lists one time per loop, the warm-up left out; ais_infer lists none",
         "5 times of --loop 5, or none", ("harness.runtimes.ais_bench",)),
    Fact("ais-bench-help-lists-flags",
         "the help of ais_bench ends well and lists its flags, by which its generation is told",
         "--model, --output and --loop", ("harness.runtimes.ais_bench",)),
    Fact("ais-bench-wrong-size",
         "ais_bench ends with exit code 1 and an [ERROR] line when a file is of another size than the input",
         "exit code 1 and an [ERROR] line", ("harness.runtimes.ais_bench",)),
    # msame
    Fact("msame-stamp-form",
         "msame writes into a folder named after the time, without padding since 2021-12, and prints its path",
         "a printed path that ends in such a name and is there",
         ("harness.ascend.msame_text", "harness.runtimes.msame")),
    Fact("msame-numbering", "the first output of `<name>.bin` is `<name>_output_0.bin`", "that name",
         ("harness.runtimes.msame",)),
    Fact("msame-load-failure",
         "an msame that cannot load an OM prints an [ERROR] line and no success, whatever it exits with",
         "an [ERROR] line and no line of success", ("harness.runtimes.msame",)),
    Fact("msame-wrong-size", "an msame with a file that is too short says so, whatever else it prints and exits with",
         "an [ERROR] line", ("harness.runtimes.msame",)),
    # benchmark
    Fact("benchmark-numbering-from-1",
         "the first output of `<name>.bin` is `<name>_1.bin` in result/dumpOutput_device<N>", "that name",
         ("harness.runtimes.benchmark_tool",)),
    Fact("benchmark-last-batch-padding",
         "benchmark fills a last batch that is not full and writes the outputs of the listed samples alone",
         "6 samples at batch 4 give 6 outputs, all right", ("harness.runtimes.benchmark_tool",)),
    Fact("benchmark-sizes-passed-on",
         "width and height are only passed on: wrong ones change nothing for binary inputs",
         "1 x 1 gives the same outputs", ("harness.runtimes.benchmark_tool",)),
    Fact("benchmark-perf-file", "the rates are in result/perf_*_batchsize_<B>_device_<N>.txt",
         "one such file with an interface rate", ("harness.runtimes.benchmark_tool",)),
    Fact("benchmark-load-failure",
         "a benchmark that cannot load an OM ends with another exit code than 0, or prints an error", "either",
         ("harness.runtimes.benchmark_tool",)),
    Fact("benchmark-random-inputs", "the pure inference of benchmark runs on random numbers", "random",
         ("harness.runtimes.benchmark_tool",), "the tool shows neither what it feeds nor what comes out"),
    Fact("benchmark-most-rounds", "a pure inference has at most 1024 rounds", "1024 run, 1025 refused",
         ("harness.runtimes.benchmark_tool",)),
    # npu-smi and the device
    Fact("smi-logic-id-is-acl-id",
         "the Chip Logic ID of `npu-smi info -m`, else the Device column, is the number that a runtime opens",
         "a model held on a number shows on that very chip", ("harness.npus.listing", "harness.npus.mapping")),
    Fact("smi-lists-processes", "the table of `npu-smi info` has a part that lists processes", "it has one",
         ("harness.npus.watch",)),
    Fact("smi-bus-id-stable",
         "the Bus-Id is the chip's PCI address, which it keeps over restarts and in every container",
         "a PCI device of Huawei (vendor 0x19e5) has that address", ("harness.npus.listing",)),
    Fact("smi-old-error-first",
         "an old npu-smi may print `DrvMngGetConsoleLogLevel failed` before a table that is good",
         "lines before the table are passed over", ("harness.ascend.smi_text",)),
    Fact("driver-version-agrees", "npu-smi prints the version that the driver's version.info has", "the same version",
         ("harness.toolchain",)),
    Fact("idle-memory-share", "of an idle chip's memory at least 85 % is free", "85 % or more",
         ("harness.npus.health",)),
    Fact("idle-aicore-percent", "an idle chip shows at most 1 % on its AI cores", "1 % or less",
         ("harness.npus.watch",)),
    Fact("memory-comes-back", "after the last process has ended, at most 2 % of the memory more is taken than before",
         "2 % or less", ("harness.npus.health",)),
)
# fmt: on


def fact(fact_id: str) -> Fact:
    """Return the fact of that id; raises KeyError for another."""
    return {one.id: one for one in FACTS}[fact_id]
