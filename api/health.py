"""Whether it runs, and whether it can answer; for whoever watches over it, without a key."""

from fastapi import APIRouter

from api.services import Asked
from schemas.base import Frozen

router = APIRouter(prefix="/health", tags=["health"])


class Health(Frozen):
    """That all is well."""

    status: str = "ok"


@router.get("/live")
def live() -> Health:
    """It runs."""
    return Health()


@router.get("/ready")
def ready(asked: Asked) -> Health:
    """It can answer: the database does; otherwise 503."""
    asked.place()
    return Health()
