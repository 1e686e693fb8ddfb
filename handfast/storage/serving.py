"""Serves the blocks of a store over HTTP: clients fetch products without any IPFS node.

`GET /blocks/<CID>` answers the block's bytes, or 404. The reader (see `remote`) believes none.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Cid
from handfast.storage.reading import BlockSource, verified


def block_routes(source: BlockSource) -> list[web.RouteDef]:
    """What an aiohttp application adds to serve the blocks of a source.

    A block that is damaged here is not handed on: the answer is 404, as for one that is missing.
    """

    async def block(request: web.Request) -> web.Response:
        try:
            cid = Cid.parse(request.match_info["cid"])
        except InvalidInput as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        try:
            [data] = await asyncio.to_thread(verified, source, [cid])
        except (Unavailable, Rejected) as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return web.Response(
            body=bytes(data),
            content_type="application/vnd.ipld.raw",
            headers={"ETag": f'"{cid}"', "Cache-Control": "public, max-age=31536000, immutable"},
        )

    return [web.get("/blocks/{cid}", block)]
