"""The peer of the benchmark `augment`: the stages of MoCo v3's input pipeline in torchvision and Pillow.

    python3 augment_peer.py FOLDER

FOLDER holds *.jpg and plans.json, what was drawn for each image. Requests come line by line on standard input, each a
JSON list; an answer is one JSON object. ["time", STAGE] runs a stage over all images and says how many seconds it took
for each of them. ["check", STAGE, IMAGE, FILE] writes what a stage makes of one image.
"""
import json
import pathlib
import platform
import random
import sys
import time

import numpy
import PIL
import torch
import torchvision
from PIL import Image, ImageFilter, ImageOps
from torchvision import transforms as T
from torchvision.transforms import functional as F

SIZE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class RandomBlur:
    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


def recipe(blur, solarise):
    """MoCo v3's augmentation of one view."""
    return T.Compose([
        T.RandomResizedCrop(SIZE, scale=(0.08, 1.0)),
        T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
        T.RandomGrayscale(p=0.2),
        T.RandomApply([RandomBlur()], p=blur),
        T.RandomApply([ImageOps.solarize], p=solarise),
        T.RandomHorizontalFlip(),
        T.ToTensor(),
        T.Normalize(MEAN, STD),
    ])


class Stages:
    JITTER = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]

    def __init__(self, folder):
        self.paths = sorted(pathlib.Path(folder).glob("*.jpg"))
        self.plans = json.loads((pathlib.Path(folder) / "plans.json").read_text())
        self.view_a, self.view_b = recipe(1.0, 0.0), recipe(0.1, 0.2)
        self.decoded = [self.decode(i) for i in range(len(self.paths))]
        self.crops = [self.crop(i) for i in range(len(self.paths))]
        self.all = {
            "decode": self.decode,
            "crop and resize": self.crop,
            "brightness": lambda i: F.adjust_brightness(self.crops[i], self.plans[i]["factors"][0]),
            "contrast": lambda i: F.adjust_contrast(self.crops[i], self.plans[i]["factors"][1]),
            "saturation": lambda i: F.adjust_saturation(self.crops[i], self.plans[i]["factors"][2]),
            "hue": lambda i: F.adjust_hue(self.crops[i], self.plans[i]["factors"][3]),
            "jitter, all four": lambda i: self.jitter(i, self.crops[i]),
            "greyscale": lambda i: F.to_grayscale(self.crops[i], num_output_channels=3),
            "blur": lambda i: self.blur(i, self.crops[i]),
            "solarise": lambda i: ImageOps.solarize(self.crops[i]),
            "flip": lambda i: F.hflip(self.crops[i]),
            "normalise": lambda i: F.normalize(F.to_tensor(self.crops[i]), MEAN, STD),
            "every operation in turn": self.plan,
            "view A": lambda i: self.view_a(self.decoded[i]),
            "view B": lambda i: self.view_b(self.decoded[i]),
            "whole pipeline: decode, views A and B": self.whole,
        }

    def decode(self, i):
        with open(self.paths[i], "rb") as file:
            return Image.open(file).convert("RGB")

    def crop(self, i):
        return F.resized_crop(self.decoded[i], *self.plans[i]["box"], [SIZE, SIZE])

    def jitter(self, i, image):
        for operation in self.plans[i]["order"]:
            image = self.JITTER[operation](image, self.plans[i]["factors"][operation])
        return image

    def blur(self, i, image):
        return image.filter(ImageFilter.GaussianBlur(radius=self.plans[i]["sigma"]))

    def plan(self, i):
        return F.hflip(ImageOps.solarize(self.blur(i, self.jitter(i, self.crop(i)))))

    def whole(self, i):
        image = self.decode(i)
        return self.view_a(image), self.view_b(image)


def seconds(stage, count):
    wall, cpu = time.perf_counter(), time.process_time()
    for i in range(count):
        stage(i)
    return {"wall": (time.perf_counter() - wall) / count, "cpu": (time.process_time() - cpu) / count}


def answer(**fields):
    print(json.dumps(fields), flush=True)


def main():
    torch.set_num_threads(1)
    stages = Stages(sys.argv[1])
    answer(versions=f"Python {platform.python_version()}, torch {torch.__version__}, torchvision "
                    f"{torchvision.__version__}, Pillow {PIL.__version__}")
    for line in sys.stdin:
        request = json.loads(line)
        stage = stages.all[request[1]]
        if request[0] == "time":
            answer(**seconds(stage, len(stages.paths)))
        else:
            pathlib.Path(request[3]).write_bytes(numpy.asarray(stage(int(request[2]))).tobytes())
            answer(written=request[3])


if __name__ == "__main__":
    main()
