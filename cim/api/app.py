"""The application: generic routers over one installation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from cim import __version__
from cim.api import elevation, layers, problems, tiles, topics, uploads, wms, wmts
from cim.installation import Installation, open_installation
from cim.settings import Settings

_UNBUILT = """<!doctype html><meta charset="utf-8"><title>CIM</title>
<p>三维视图尚未构建，请运行 <code>make viewer</code>。
The viewer has not been built: run <code>make viewer</code>. The API is described at
<a href="openapi.json">/openapi.json</a>.</p>"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application of one installation, opened when the server starts.

    Raises:
        CimError: at start-up, when the installation cannot be opened.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.installation = open_installation(chosen)
        yield
        app.state.installation.engine.dispose()

    app = FastAPI(
        title="CIM 时空信息平台",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(_TextZip)
    # Pages of other departments may read: tiles and answers carry no cookie and no login.
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"], expose_headers=["ETag"], max_age=86400,
    )  # fmt: skip
    problems.install(app)
    app.include_router(layers.router)
    app.include_router(elevation.router)
    app.include_router(tiles.router)
    app.include_router(topics.router)
    app.include_router(uploads.router)
    app.include_router(wmts.router)
    app.include_router(wms.router)

    @app.get("/healthz", tags=["平台管理"])
    def healthz() -> dict[str, str]:
        """Whether server and database answer."""
        installation: Installation = app.state.installation
        with installation.engine.connect():
            return {"status": "ok", "version": __version__}

    _mount_viewer(app, chosen)
    return app


class _TextZip:
    """Compresses text and vector tiles; pictures, meshes and terrain are left as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._zipped = GZipMiddleware(app, minimum_size=1024, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        binary = path.startswith("/tiles/") and not path.endswith((".json", ".mvt"))
        binary = binary or path.startswith(("/wmts", "/wms"))
        pictures = path.startswith("/api/results/") and path.endswith((".png", ".tif"))
        handler = self._plain if binary or pictures else self._zipped
        await handler(scope, receive, send)


class _Viewer(StaticFiles):
    """The built viewer: hashed assets for ever, index.html asked for each time."""

    def file_response(self, *args: object, **values: object) -> Response:
        """Add what caches may keep."""
        response = super().file_response(*args, **values)  # type: ignore[arg-type]
        scope: Scope = args[2] if len(args) > 2 else values["scope"]  # type: ignore[assignment]
        hashed = "/assets/" in scope["path"]
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if hashed else "no-cache"
        )
        return response


def _mount_viewer(app: FastAPI, settings: Settings) -> None:
    if (settings.viewer_dist / "index.html").is_file():
        app.mount("/", _Viewer(directory=settings.viewer_dist, html=True), name="viewer")
        return

    @app.get("/", include_in_schema=False)
    def unbuilt() -> HTMLResponse:
        return HTMLResponse(_UNBUILT, status_code=503)
