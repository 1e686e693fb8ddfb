"""A model behind the OpenAI formats, honest or not: the first part of the path says how it behaves.

Run as a process of its own; prints its port. Each answer is what a real endpoint, a broken one
or a hostile one would send.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json

from aiohttp import web

from handfast.inference.digits import draw
from handfast.inference.images import encode_png


def image_answer(prompt: str) -> bytes:
    encoded = base64.b64encode(encode_png(draw(prompt, seed=1))).decode()
    return json.dumps({"created": 1, "data": [{"b64_json": encoded}]}).encode()


def chat_answer(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message}]}).encode()


async def images(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    if body.keys() - {"model", "prompt", "n", "response_format"} or body["n"] != 1:
        return web.Response(status=400)
    return await answer(request, image_answer(body["prompt"]))


async def chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    said = {
        "heard": body["messages"],
        "model": body.get("model"),
        "seed": body["seed"],
        "query": request.query_string,
    }
    return await answer(request, chat_answer(json.dumps(said)))


async def answer(request: web.Request, honest: bytes) -> web.StreamResponse:
    behaviour = request.match_info["behaviour"]
    if behaviour.isdecimal():
        return web.Response(status=int(behaviour), text=request.headers.get("Authorization", ""))
    match behaviour:
        case "honest":
            return web.Response(body=honest, content_type="application/json")
        case "locked":
            open_to = request.headers.get("Authorization") == "Bearer s3cret"
            return web.Response(status=200 if open_to else 401, body=honest)
        case "slow":
            await asyncio.sleep(60)
        case "trickle" | "endless":
            return await pour(request, endless=behaviour == "endless")
        case "cut":
            return await hang_up(request, honest)
        case "redirect":
            raise web.HTTPTemporaryRedirect(f"/honest/v1/{request.match_info['tail']}")
        case "bomb":
            return web.Response(
                body=gzip.compress(bytes(512 * 1024 * 1024), compresslevel=1),
                headers={"Content-Encoding": "gzip"},
            )
    return web.Response(body=MALFORMED[behaviour], content_type="application/json")


async def pour(request: web.Request, *, endless: bool) -> web.StreamResponse:
    """Answer without end: a byte now and then, or as fast as the line takes it."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * (1024 * 1024 if endless else 1))
        await asyncio.sleep(0 if endless else 0.05)


async def hang_up(request: web.Request, honest: bytes) -> web.StreamResponse:
    """Promise the whole answer and close the line half way."""
    response = web.StreamResponse(headers={"Content-Length": str(len(honest))})
    await response.prepare(request)
    await response.write(honest[: len(honest) // 2])
    assert request.transport is not None
    request.transport.abort()
    return response


MALFORMED = {
    "no-json": b"<html>Bad gateway</html>",
    "binary": b"\xff\xfe\x00",
    "nested": b"[" * 100_000,
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "no-data": b'{"data": []}',
    "number": b'{"data": [{"b64_json": 7}], "choices": [{"message": {"content": 7}}]}',
    "url": b'{"data": [{"url": "http://localhost/7.png"}]}',
    "no-base64": b'{"data": [{"b64_json": "%%%%"}]}',
    "no-ascii": '{"data": [{"b64_json": "é"}]}'.encode(),
    "no-image": b'{"data": [{"b64_json": "PGh0bWw+"}]}',
    "no-text": b'{"choices": [{"message": {"content": ""}}]}',
}


async def serve() -> None:
    app = web.Application()
    app.router.add_post("/{behaviour}/v1/{tail:images/generations}", images)
    app.router.add_post("/{behaviour}/v1/{tail:chat/completions}", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
