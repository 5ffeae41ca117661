"""The OpenAPI document, to be fetched."""

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
