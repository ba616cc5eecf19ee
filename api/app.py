"""The application: routes, problems, documents."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import metadata
from typing import Final

from fastapi import Depends, FastAPI

from api import alert_routes, classify, health, live, problems, record_routes
from api.asking import only_known
from api.services import Services

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_DESCRIPTION: Final = """
Sound levels, labels, windows, alerts and indicators of a city's devices, read-only.

Every request but those for health needs a key: `Authorization: Bearer cityhum_...`. Times are UTC
instants with their zone; levels are dB re 20 µPa where `calibration` is set, else re full scale.
Errors are `application/problem+json`. Tables come as CSV with `Accept: text/csv` or `format=csv`,
places as GeoJSON with `format=geojson`.
"""


def create(services: Services, lifespan: Lifespan | None = None) -> FastAPI:
    """Application that answers with these services.

    Parameters
    ----------
    services : Services
    lifespan : callable, optional
        Context within which it runs.

    Returns
    -------
    FastAPI
        Its documents are at `/openapi.json`; pages that show them would come from elsewhere.
    """
    app = FastAPI(
        title="cityhum",
        version=metadata.version("cityhum"),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    problems.handle(app)
    documented = problems.documented(401, 403, 404, 422, 429, 503)
    for routes in (record_routes, live, alert_routes, classify):  # live before /alerts/{alert_id}
        app.include_router(routes.router, responses=documented, dependencies=[Depends(only_known)])
    app.include_router(health.router, responses=problems.documented(503))
    return app
