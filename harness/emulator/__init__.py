"""An emulated Ascend toolchain with the real tools' faces that executes on ONNX Runtime; never judged as an NPU."""
