"""The JSON Schemas of the files of experiments and of profiles of load, for editors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from harness.declare.experiment import ExperimentSpec
from harness.declare.injections import MOST_STEPS, InjectionSpec
from harness.declare.load_profile import ProfileSpec
from harness.model.fault import FaultSpec

COMMITTED = Path(__file__).parent / "schemas" / "experiment.schema.json"
"""The schema with the faults that come with the harness."""

COMMITTED_PROFILE = COMMITTED.with_name("load-profile.schema.json")


def experiment_schema(faults: Mapping[str, type[FaultSpec]]) -> dict[str, JsonValue]:
    """What a file of `chaos/experiments/` may say, the attributes of these faults included."""
    schema: dict[str, Any] = ExperimentSpec.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    injection = definitions[InjectionSpec.__name__]
    own = dict(injection["properties"])
    definitions["Ramp"] = _ramp()
    definitions["Fault"] = {"enum": sorted(faults)}
    injection["properties"] = {**own, "fault": {"$ref": "#/$defs/Fault"}}
    injection["additionalProperties"] = True
    injection["allOf"] = [_attributes(word, faults[word], own, definitions) for word in sorted(faults)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An experiment of the harness",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def profile_schema() -> dict[str, JsonValue]:
    """What a file of `loadtests/profiles/` may say."""
    schema: dict[str, Any] = ProfileSpec.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A profile of load",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def text_of(schema: Mapping[str, JsonValue]) -> str:
    """The schema as it is kept in a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _ramp() -> dict[str, Any]:
    end = {"type": ["number", "string"]}
    return {
        "type": "object",
        "description": "A value that rises (or falls) in steps while the fault lasts.",
        "properties": {"from": end, "to": end, "steps": {"type": "integer", "minimum": 2, "maximum": MOST_STEPS}},
        "required": ["from", "to"],
        "additionalProperties": False,
    }


def _attributes(
    word: str, kind: type[FaultSpec], own: Mapping[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    """What stands beside `fault: WORD`: the fault's attributes, each of which may be a ramp, and nothing else."""
    described = kind.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions.update(described.get("$defs", {}))
    attributes = {
        name: {"anyOf": [{key: value for key, value in each.items() if key != "default"}, {"$ref": "#/$defs/Ramp"}]}
        for name, each in described.get("properties", {}).items()
    }
    allowed = {**dict.fromkeys(own, True), **attributes}
    then = {"properties": allowed, "additionalProperties": False, "required": described.get("required", [])}
    summary = (kind.__doc__ or "").strip().splitlines()
    if summary:
        then["description"] = summary[0]
    return {"if": {"properties": {"fault": {"const": word}}, "required": ["fault"]}, "then": then}
