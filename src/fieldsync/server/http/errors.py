"""Every failure of a request becomes `ErrorBody` here: a code, a sentence, a status, nothing of the inside."""

from __future__ import annotations

from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from fieldsync.base.log import get_logger
from fieldsync.base.problems import CATALOGUE, Code, Problem, Refused, problem
from fieldsync.protocol.wire import ErrorBody
from fieldsync.server.http.context import AnyRequest
from fieldsync.server.postgres.work import BadRow, Busy, Collision, DatabaseError

_log = get_logger("fieldsync.server")
_CODES = {400: Code.BAD_REQUEST, 401: Code.AUTH, 403: Code.FORBIDDEN, 413: Code.TOO_LARGE, 429: Code.BUSY}


def _answer(found: Problem, status: int | None = None, retry_after: float | None = None) -> Response[ErrorBody]:
    headers = {"retry-after": f"{retry_after:g}"} if retry_after else {}
    return Response(ErrorBody(found), status_code=status or CATALOGUE[found.code].status, headers=headers)


def on_refused(_: AnyRequest, refused: Refused) -> Response[ErrorBody]:
    """What the product refuses, as it says it."""
    return _answer(refused.problem, retry_after=refused.retry_after_seconds)


def on_http(_: AnyRequest, error: HTTPException) -> Response[ErrorBody]:
    """What the framework refuses: a wrong path, method, size or shape."""
    extra = getattr(error, "extra", None)
    reason = error.detail
    if isinstance(error, ValidationException) and isinstance(extra, list) and extra:
        first = extra[0]
        reason = f"{first.get('message')} at {first.get('key', 'the body')}" if isinstance(first, dict) else str(first)
    code = _CODES.get(error.status_code, Code.BAD_REQUEST)
    details = {"reason": reason[:300], "limit": "what this address takes"}
    return _answer(problem(code, **details), error.status_code)


def on_database(_: AnyRequest, error: DatabaseError) -> Response[ErrorBody]:
    """The database was busy or away: the device tries again, nothing was done."""
    if isinstance(error, Busy | Collision):
        return _answer(problem(Code.BUSY), retry_after=2)
    if isinstance(error, BadRow):
        return _answer(problem(Code.BAD_REQUEST, reason="it holds a value that no record can have"))
    _log.error("database", error=str(error))
    return _answer(problem(Code.INTERNAL, number="database"), 503, retry_after=5)


def on_depth(_: AnyRequest, __: RecursionError) -> Response[ErrorBody]:
    """JSON that is nested deeper than any request of ours."""
    return _answer(problem(Code.BAD_REQUEST, reason="it is nested too deep"))


def on_text(_: AnyRequest, __: UnicodeDecodeError) -> Response[ErrorBody]:
    """Bytes that are no UTF-8."""
    return _answer(problem(Code.BAD_REQUEST, reason="it is not valid UTF-8"))


def on_bug(request: AnyRequest, error: Exception) -> Response[ErrorBody]:
    """The outermost net: logged with all that is known, told with nothing but a number."""
    number = request.headers.get("x-request-id") or f"{id(error):x}"
    _log.error("bug", number=number, path=request.url.path, exc_info=error)
    return _answer(problem(Code.INTERNAL, number=number))


HANDLERS: ExceptionHandlersMap = {
    Refused: on_refused,
    HTTPException: on_http,
    DatabaseError: on_database,
    RecursionError: on_depth,
    UnicodeDecodeError: on_text,
    Exception: on_bug,
}
