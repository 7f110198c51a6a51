"""The verbs' routes, made once for this process and those forked from it: most of a start's time goes into them.

Importing this makes them. They know no house: a request brings its application along.
"""

from __future__ import annotations

from fastapi import FastAPI

from bot.web import app, verbs

_VERBS = verbs.VERBS
_made = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
verbs.add_routes(_made)


def _add_made_routes(to: FastAPI) -> None:
    if verbs.VERBS is _VERBS:
        to.router.routes.extend(_made.router.routes)
    else:  # a test has verbs of its own
        verbs.add_routes(to)


app.add_routes = _add_made_routes
