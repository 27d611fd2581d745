"""Profiles read by Google's protocol buffers, from the text of their format."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bpx.profiles.profile import Frame

_PROTO = Path(__file__).with_name("profile.proto")
_KINDS = {"int64": 3, "uint64": 4, "string": 9}  # descriptor.proto, FieldDescriptorProto.Type
_MESSAGE = 11


@dataclass(frozen=True)
class Sample:
    stack: tuple[Frame, ...]
    values: tuple[int, ...]
    labels: dict[str, str]


@dataclass(frozen=True)
class Decoded:
    kinds: list[tuple[str, str]]
    samples: list[Sample]
    began_ns: int
    duration_ns: int
    period: int
    remarks: list[str]


def decode(file: bytes) -> Decoded:
    """Read a file as `go tool pprof` does."""
    profile = _profile_class()()
    profile.ParseFromString(gzip.decompress(file))
    texts = profile.string_table
    assert texts[0] == ""
    functions = {one.id: one for one in profile.function}
    frames = {place.id: _frame(place, functions, texts) for place in profile.location}
    assert len(functions) == len(profile.function)
    assert len(frames) == len(profile.location)
    return Decoded(
        [(texts[kind.type], texts[kind.unit]) for kind in profile.sample_type],
        [
            Sample(
                tuple(frames[number] for number in one.location_id),
                tuple(one.value),
                {texts[label.key]: texts[label.str] for label in one.label},
            )
            for one in profile.sample
        ],
        profile.time_nanos,
        profile.duration_nanos,
        profile.period,
        [texts[number] for number in profile.comment],
    )


def _frame(place: Any, functions: Any, texts: Any) -> Frame:
    (line,) = place.line
    function = functions[line.function_id]
    name, file = texts[function.name], texts[function.filename]
    return Frame(name, file, line.line, function.start_line)


def _profile_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", syntax="proto3", package="p")
    for name, body in re.findall(r"message (\w+) \{\n(.*?)\n\}", _PROTO.read_text(), re.DOTALL):
        message = file.message_type.add(name=name)
        fields = re.findall(r"^\s*(repeated )?(\w+) (\w+) = (\d+);", body, re.MULTILINE)
        for repeated, kind, field, number in fields:
            message.field.add(
                name=field,
                number=int(number),
                label=3 if repeated else 1,
                type=_KINDS.get(kind, _MESSAGE),
                type_name=None if kind in _KINDS else f".p.{kind}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("p.Profile"))
