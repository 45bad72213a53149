"""A record: a JSON object that travels between versions."""

import json

from pydantic import BaseModel, ConfigDict

SCHEMA = 1


class Record(BaseModel):
    """A frozen JSON object that keeps the keys it does not know."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def to_json(self) -> str:
        """Return one line of JSON with sorted keys; NaN and infinities are written as strings."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)
