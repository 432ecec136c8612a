"""What an edge costs by itself: the same request through it and straight, in turn, in the same run."""

from __future__ import annotations

from statistics import median

import aiohttp

from harness.engine.session import Session
from harness.model.topology import LineId

PAIRS = 100
TIMEOUT_S = 5.0


async def measure_edges(session: Session) -> dict[str, float]:
    """For each edge of the entry service: median time of a keep-alive GET through it, divided by that of a direct one.

    The GET asks for the provider's readiness; the time is the whole request as this process's client sees it.
    All edges are alike, and a large system has too many to time each. An edge that doesn't answer is left out.
    """
    topology = session.topology
    first = {line.edge: line for line in reversed(topology.lines)}
    ratios = {}
    for name, line in first.items():
        if line.consumer.service == topology.system.entry and not topology.is_store(line.provider.service):
            ratio = await _ratio(session, line)
            if ratio is not None:
                ratios[name] = round(ratio, 3)
    return ratios


async def _ratio(session: Session, line: LineId) -> float | None:
    path = session.topology.service(line.provider.service).ready
    through = session.deployment.line_url(line) + path
    direct = session.deployment.direct_url(line.provider) + path
    times: dict[str, list[float]] = {through: [], direct: []}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        connector = aiohttp.TCPConnector(ssl=session.credentials.trust())
        async with aiohttp.ClientSession(
            timeout=timeout, raise_for_status=True, connector=connector, headers=session.credentials.marks
        ) as http:
            for _ in range(PAIRS):
                for url, seen in times.items():
                    start = session.clock.now()
                    async with http.get(url) as answer:
                        await answer.read()
                    seen.append(session.clock.now() - start)
    except (aiohttp.ClientError, TimeoutError):
        return None
    return median(times[through]) / median(times[direct])
