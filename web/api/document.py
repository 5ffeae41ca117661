"""The OpenAPI document, to be fetched; and as a file, from which the pages' client is made:
``python -m web.api.document > pages/openapi.json``.
"""

from __future__ import annotations

import json

from aiohttp import web

from web.api.call import Call, Raw
from web.api.endpoint import PUBLIC, Routes

routes = Routes("document")


@routes.add("GET", "/openapi.json", "接口说明（OpenAPI 3.1）", needs=PUBLIC)
async def openapi(call: Call) -> Raw:
    text = json.dumps(call.services.document(), ensure_ascii=False)
    return Raw(web.Response(text=text, content_type="application/json"))


def file() -> str:
    """The same whenever it is made of the same table: a change of it is a change of the API."""
    from web.app import api_document  # the table of endpoints has this module in it

    return json.dumps(api_document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(file(), end="")
