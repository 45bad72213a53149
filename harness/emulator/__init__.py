"""An emulated Ascend toolchain with the real tools' faces, which executes on ONNX Runtime; no NPU, and never judged as one."""
