"""The REST side of a server: asks the venue, keeps a journal, and lets faults happen."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from bpx.simulator.clock import Clock
from bpx.simulator.faults import Ending, Faults, RestFault
from bpx.simulator.journal import Journal
from bpx.simulator.venue import Reply, Request, Venue
from bpx.simulator.wire import Asked, read_request, to_response


class RestSide:
    """Answers REST requests.

    Args:
        catch_up: brings the venue up to the clock; called before each reply is computed.
        stopping: ends whatever stalls.
    """

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        faults: Faults,
        *,
        catch_up: Callable[[], None],
        stopping: asyncio.Event,
    ) -> None:
        self.requests: Journal[Asked] = Journal()
        self._venue = venue
        self._clock = clock
        self._faults = faults
        self._catch_up = catch_up
        self._stopping = stopping

    async def answer(self, wire: web.BaseRequest) -> web.StreamResponse:
        """Answer a request as of the clock's instant."""
        request = await read_request(wire)
        fault = self._faults.take_rest(request.method, request.target)
        reply = Reply(200, b"")
        if fault is None or fault.is_delivered:
            self._catch_up()
            reply = self._venue.reply(request)
        if fault is not None:
            return await self._break(wire, request, reply, fault)
        self._note(request, reply.status)
        return to_response(reply, request, self._clock.now_ms)

    async def _break(
        self, wire: web.BaseRequest, request: Request, reply: Reply, fault: RestFault
    ) -> web.StreamResponse:
        is_answered = fault.ending is Ending.REPLY
        if fault.status is not None:
            reply = Reply(fault.status, fault.body, fault.headers)
        self._note(request, reply.status if is_answered else None)
        await asyncio.sleep(fault.delay_s)
        if fault.ending is Ending.STALL:
            await self._stopping.wait()
        response = to_response(reply, request, self._clock.now_ms)
        if is_answered:
            return response
        if fault.ending is Ending.HALF:
            return await _send_half(wire, response)
        if wire.transport is not None:
            wire.transport.close()
        return response

    def _note(self, request: Request, status: int | None) -> None:
        row = Asked(
            request.method,
            request.target,
            status,
            request.headers,
            request.client,
            self._clock.now_ms,
        )
        self.requests.append(row)


async def _send_half(wire: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    headers = {**whole.headers, "Content-Length": str(len(body))}
    response = web.StreamResponse(status=whole.status, headers=headers)
    await response.prepare(wire)
    await response.write(body[: len(body) // 2])
    if wire.transport is not None:
        wire.transport.close()
    return response
