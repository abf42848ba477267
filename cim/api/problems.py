"""Errors as problem+json (RFC 9457): whose fault, what, where, and what to do."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from cim.errors import CimError, DatabaseError, MachineError

LOG = logging.getLogger("cim.api")


class ProblemResponse(JSONResponse):
    """JSON under the media type of RFC 9457."""

    media_type = "application/problem+json"


def _problem(status: int, kind: str, detail: str, remedy: str = "") -> ProblemResponse:
    body = {
        "type": f"urn:cim:{kind}",
        "title": kind,
        "status": status,
        "detail": detail,
        "remedy": remedy,
    }
    return ProblemResponse(body, status_code=status, headers={"Cache-Control": "no-store"})


def install(app: FastAPI) -> None:
    """Answer every error in the one shape."""

    @app.exception_handler(CimError)
    def _ours(_: Request, error: CimError) -> ProblemResponse:
        if error.status >= 500:
            LOG.error("%s", error)
        # where the database lives is its administrator's business
        hidden = isinstance(error, MachineError)
        where = f"{error.path}: " if error.path and not hidden else ""
        return _problem(error.status, type(error).__name__, where + error.reason, error.remedy)

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> ProblemResponse:
        faults = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'][1:]) or e['loc'][0]}: {e['msg']}"
            for e in error.errors()
        )
        return _problem(422, "ParameterError", faults, "/openapi.json lists what is asked for")

    @app.exception_handler(OperationalError)
    def _database(_: Request, error: OperationalError) -> ProblemResponse:
        LOG.error("%s", error)
        return _problem(
            DatabaseError.status,
            "DatabaseError",
            "the database does not answer",
            "start it (`cim db up`) or check CIM_DATABASE_URL",
        )

    @app.exception_handler(DataError)
    def _value(_: Request, error: DataError) -> ProblemResponse:
        # A number beyond a column's range or a text with NUL: the database is the first to mind.
        reason = str(error.orig).strip().splitlines()[0]
        return _problem(422, "ParameterError", reason, "/openapi.json lists what is asked for")

    @app.exception_handler(UnicodeEncodeError)
    def _text(_: Request, error: UnicodeEncodeError) -> ProblemResponse:
        detail = f"a text holds half a character: {error.reason}"
        return _problem(422, "ParameterError", detail, "send well-formed Unicode")

    @app.exception_handler(PoolTimeoutError)
    def _busy(_: Request, error: PoolTimeoutError) -> ProblemResponse:
        LOG.error("%s", error)
        return _problem(503, "DatabaseError", "the database is busy", "try again in a while")

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> ProblemResponse:
        return _problem(error.status_code, "HttpError", str(error.detail))
