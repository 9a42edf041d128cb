"""Loads an exported encoder into timm by name: nothing may be missing or unexpected.

usage: python load_in_timm.py ENCODER.safetensors [MODEL [IMAGE_SIZE]]
Runs where timm and safetensors are installed; MODEL defaults to vit_small_patch16_224 with MoCo v3's 12 heads.
"""

import sys

import timm
from safetensors.torch import load_file

path = sys.argv[1]
name = sys.argv[2] if len(sys.argv) > 2 else "vit_small_patch16_224"
options = {"num_heads": 12} if name.startswith("vit_small") else {}
if len(sys.argv) > 3:
    options["img_size"] = int(sys.argv[3])
model = timm.create_model(name, pretrained=False, num_classes=0, **options)
result = model.load_state_dict(load_file(path), strict=False)
print(f"missing: {result.missing_keys}\nunexpected: {result.unexpected_keys}")
sys.exit(bool(result.missing_keys or result.unexpected_keys))
