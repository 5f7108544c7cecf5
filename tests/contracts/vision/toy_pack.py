"""A toy InsightFace pack: ONNX models of the real packs' shapes, made here, without any weights.

InsightFace's own loading, routing by shape, decoding, alignment and pose run on them as they would
on a real pack. Only what the networks compute is a toy: a "face" is a patch that is much more red
than green and blue, its embedding is the layout of its colours, and every face points the same way.
Nothing about accuracy follows from it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import insightface.data
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from proctorhub.plugins import ModelPack

FACE_PX = 160
HEIGHT, WIDTH = 480, 640
STRIDES = (8, 16, 32)

Picture = NDArray[np.uint8]


def make(folder: Path, pose: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> ModelPack:
    """Write a pack whose faces all have one pose (pitch, yaw, roll as InsightFace counts them)."""
    folder.mkdir(parents=True, exist_ok=True)
    _detector(folder / "det_10g.onnx")
    _recogniser(folder / "w600k_r50.onnx")
    _constant(folder / "1k3d68.onnx", 192, _landmarks(pose))
    _constant(folder / "2d106det.onnx", 192, np.zeros(212))
    _constant(folder / "genderage.onnx", 96, np.array([0.2, 0.8, 0.35]))
    hashes = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.onnx")
    }
    unused = ("2d106det.onnx", "genderage.onnx")
    return ModelPack(
        name="toy",
        licence="None: it was made by a test.",
        licence_url="https://example.org/licence",
        files={name: value for name, value in hashes.items() if name not in unused},
        unused={name: hashes[name] for name in unused},
    )


def picture(*people: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Picture:
    """Return a grey room with the faces of some numbered people, from left to right."""
    room = np.full((*size, 3), 90, np.uint8)
    for place, person in enumerate(people):
        x, y = 96 + place * 2 * FACE_PX, 160
        room[y : y + FACE_PX, x : x + FACE_PX] = _face(person)
    return room


def _face(person: int) -> Picture:
    """Return a red patch with a pattern of its own."""
    pattern = np.random.default_rng(person).integers(0, 90, (8, 8)).astype(np.uint8)
    pattern = cv2.resize(pattern, (FACE_PX, FACE_PX), interpolation=cv2.INTER_NEAREST)
    return np.dstack([pattern // 3, pattern, 255 - pattern // 2])


def _save(
    file: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, NDArray],
) -> None:
    weights = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="proctorhub-tests"
    )
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def _values(name: str, shape: list[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _detector(file: Path) -> None:
    """SCRFD's contract: scores, boxes and five points at strides 8, 16 and 32, two anchors each.

    Redness is averaged, and only local maxima at stride 32 score: one anchor for each patch.
    """
    node = helper.make_node
    template = [[38.3, 51.7], [73.5, 51.5], [56, 71.7], [41.5, 92.4], [70.7, 92.2]]
    points = (np.array(template, np.float32) - 56) / 56 * 2.6
    constants = {
        "redness": np.array([1, -0.6, -0.6], np.float32).reshape(1, 3, 1, 1),
        "zero": np.float32(0),
        "gain": np.float32(12),
        "bias": np.float32(-9.6),
        "never": np.float32(-100),
        "column": np.array([-1, 1], np.int64),
        "box": np.full((1, 4), 3.5, np.float32),
        "points": points.reshape(1, 10).astype(np.float32),
    }
    nodes = [node("Conv", ["input.1", "redness"], ["red"])]
    for stride in STRIDES:
        s = str(stride)
        nodes.append(
            node(
                "AveragePool",
                ["red"],
                ["pool" + s],
                kernel_shape=[stride] * 2,
                strides=[stride] * 2,
            )
        )
        source, bias = "pool" + s, "never"
        if stride == STRIDES[-1]:
            around = {"kernel_shape": [5, 5], "strides": [1, 1], "pads": [2, 2, 2, 2]}
            nodes += [
                node("AveragePool", [source], ["smooth"], count_include_pad=1, **around),
                node("MaxPool", ["smooth"], ["highest"], **around),
                node("GreaterOrEqual", ["smooth", "highest"], ["is_peak"]),
                node("Cast", ["is_peak"], ["peak_mask"], to=TensorProto.FLOAT),
                node("Mul", ["smooth", "peak_mask"], ["peak"]),
            ]
            source, bias = "peak", "bias"
        nodes += [
            node("Mul", [source, "gain"], ["gained" + s]),
            node("Add", ["gained" + s, bias], ["logit" + s]),
            node("Sigmoid", ["logit" + s], ["probability" + s]),
            node("Reshape", ["probability" + s, "column"], ["first" + s]),
            node("Mul", ["first" + s, "zero"], ["second" + s]),
            node("Concat", ["first" + s, "second" + s], ["anchors" + s], axis=1),
            node("Reshape", ["anchors" + s, "column"], ["score_" + s]),
            node("Mul", ["score_" + s, "zero"], ["nothing" + s]),
            node("Add", ["nothing" + s, "box"], ["bbox_" + s]),
            node("Add", ["nothing" + s, "points"], ["kps_" + s]),
        ]
    outputs = [
        _values(f"{kind}_{stride}", [None, width])
        for kind, width in (("score", 1), ("bbox", 4), ("kps", 10))
        for stride in STRIDES
    ]
    _save(file, nodes, [_values("input.1", [1, 3, "h", "w"])], outputs, constants)


def _recogniser(file: Path) -> None:
    """ArcFace's contract: Nx3x112x112 in, Nx512 out.

    Here a fixed projection of the coarse pattern in the middle of the face.
    """
    node = helper.make_node
    centre = {"from": np.array([4, 4]), "to": np.array([10, 10]), "axes": np.array([2, 3])}
    projection = np.random.default_rng(0).standard_normal((3 * 6 * 6, 512)).astype(np.float32)
    nodes = [
        node("AveragePool", ["input.1"], ["pool"], kernel_shape=[8, 8], strides=[8, 8]),
        node("Slice", ["pool", "from", "to", "axes"], ["middle"]),
        node("ReduceMean", ["middle"], ["mean"], axes=[2, 3], keepdims=1),
        node("Sub", ["middle", "mean"], ["centred"]),
        node("Flatten", ["centred"], ["flat"]),
        node("MatMul", ["flat", "projection"], ["683"]),
    ]
    inputs, outputs = [_values("input.1", ["N", 3, 112, 112])], [_values("683", ["N", 512])]
    _save(file, nodes, inputs, outputs, {"projection": projection, **centre})


def _constant(file: Path, side: int, answer: NDArray) -> None:
    """Write a network that answers the same whatever it sees."""
    node = helper.make_node
    nodes = [
        node("GlobalAveragePool", ["data"], ["pool"]),
        node("Flatten", ["pool"], ["flat"]),
        node("MatMul", ["flat", "nothing"], ["zero"]),
        node("Add", ["zero", "answer"], ["fc1"]),
    ]
    constants = {
        "nothing": np.zeros((3, len(answer)), np.float32),
        "answer": np.asarray(answer, np.float32)[None],
    }
    inputs = [_values("data", [1, 3, side, side])]
    _save(file, nodes, inputs, [_values("fc1", [1, len(answer)])], constants)


def posed_points(pose: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return InsightFace's mean face (68, 3), turned; x right, y down, z towards the viewer."""
    mean = np.asarray(insightface.data.get_object("meanshape_68.pkl"), float)
    mean = mean - mean.mean(0)
    pitch, yaw, roll = np.deg2rad(pose)

    def turn(axis: int, angle: float) -> NDArray[np.float64]:
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = np.eye(3)
        a, b = [i for i in range(3) if i != axis]
        matrix[a, a] = matrix[b, b] = cos
        matrix[a, b], matrix[b, a] = (sin, -sin) if axis == 1 else (-sin, sin)
        return matrix

    return mean @ (turn(2, roll) @ turn(1, yaw) @ turn(0, pitch)).T


def _landmarks(pose: tuple[float, float, float]) -> NDArray[np.float64]:
    turned = posed_points(pose)
    everything = np.zeros((1103, 3))
    everything[-68:] = turned / np.abs(turned).max() * 0.6
    return everything.reshape(-1)
