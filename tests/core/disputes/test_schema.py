"""Schemas of data tasks. (SPEC EV-7)"""

from __future__ import annotations

import pytest

from handfast.disputes.data import DataSchema, FeatureSchema, read_schema
from handfast.errors import InvalidInput


def test_a_schema_is_read() -> None:
    schema = read_schema(
        b'{"minimum_rows": 10, "features": ['
        b'{"name": "age", "type": "integer", "minimum": 0, "maximum": 150, "missing": "0.05"},'
        b'{"name": "sex", "type": "text", "values": ["f", "m"]}]}'
    )
    assert isinstance(schema, DataSchema)
    age, sex = schema.features
    assert age.feature().missing == "0.05"
    assert age.feature().maximum == "150"
    assert sex == FeatureSchema(name="sex", type="text", values=("f", "m"))


@pytest.mark.parametrize(
    ("features", "fault"),
    [
        ("", "at least 1"),
        ('{"name": "a", "type": "blob"}', "type"),
        ('{"name": "a", "type": "text", "minimum": 1}', "bounds"),
        ('{"name": "a", "type": "integer", "values": ["1"]}', "only text"),
        ('{"name": "a", "type": "number", "minimum": 2, "maximum": 1}', "above the maximum"),
        ('{"name": "a", "type": "number", "missing": "1.1"}', "missing"),
        ('{"name": "a", "type": "number", "maximum": "Infinity"}', "maximum"),
        ('{"name": "a", "type": "text"}, {"name": "a", "type": "text"}', "twice"),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(features: str, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        read_schema(b'{"features": [' + features.encode() + b"]}")
