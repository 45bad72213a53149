"""A README of the zoo's kind, for the tests of drafts."""

README = """# Toynet模型-推理指导

- 参考实现：

  ```
  url=https://github.com/example/toynet
  commit_id=0123456789abcdef0123456789abcdef01234567
  ```

| 配套 | 版本 | 环境准备指导 |
| ---- | ---- | ------------ |
| 固件与驱动 | 22.0.2 | - |
| CANN | 5.1.RC2 | - |
| Python | 3.7.5 | - |

ImageNet的验证集。

```
python3 toynet_preprocess.py --src ${data} \\
    --save ./prep
python3 toynet_pth2onnx.py toynet.pth toynet.onnx
```

```
atc --framework=5 --model=toynet.onnx --output=toynet_bs${bs} --input_format=NCHW \\
    --input_shape="image:${bs},3,16,16" --log=error --soc_version=Ascend310P3
python3 -m ais_bench --model toynet_bs1.om
python3 toynet_postprocess.py ./result
```

| 芯片型号 | Batch Size | 数据集 | 精度 | 性能 |
| -------- | ---------- | ------ | ---- | ---- |
| Ascend310P3 | 1 | ImageNet | top1: 70.10% | 1000.50 |
| Ascend310P3 | 4 | ImageNet | | 2500.00 |
"""
