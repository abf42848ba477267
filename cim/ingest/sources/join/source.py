"""The source: published terrain and a published mesh in, terrain that fits the mesh out (接边)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cim.errors import InputError
from cim.ingest.source import Built, Check, Options, Parcel, Plan, Product, Request, Source
from cim.ingest.sources.join.check import check_join
from cim.ingest.sources.join.options import JoinOptions
from cim.ingest.sources.join.product import finished
from cim.ingest.sources.join.stages import Stages, mesh_parcels
from cim.ingest.sources.join.terrain import BareTerrain
from cim.ingest.sources.published import Base, by_folder, contents
from cim.layers import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSource(Source):
    """Joins a published terrain to a published mesh.

    Args:
        terrain: The terrain's version without any join.
        mesh: The mesh's version without labels.
        mesh_layer: Layer of the mesh.
        mesh_key: Key of its version.
    """

    name: ClassVar[str] = "join"
    kind: ClassVar[Kind] = Kind.TERRAIN
    derived: ClassVar[bool] = True
    reads: ClassVar[str] = "a published terrain and a published mesh"
    options: ClassVar[type[Options]] = JoinOptions

    terrain: BareTerrain
    mesh: Base
    mesh_layer: str
    mesh_key: str

    def supports(self, path: Path) -> bool:
        """Nothing that a user can give: `cim join` names the layers."""
        return False

    def plan(self, request: Request) -> Plan:
        """One parcel per folder of the mesh.

        Raises:
            FormatError: the mesh cannot be read.
            InputError: it does not lie on the terrain.
        """
        west, south, east, north = self.terrain.extent
        box = self.mesh.extent
        if not (box.west < east and west < box.east and box.south < north and south < box.north):
            raise InputError(
                f"{self.mesh_layer} at {box} does not lie on {request.layer_id} at "
                f"{self.terrain.extent}",
                remedy="check that both lie in the same place",
            )
        folders = by_folder(contents(self.mesh.folder, str(self.mesh.media["tileset"])))
        return Plan(
            parcels=mesh_parcels(self.mesh, folders),
            extent=self.terrain.extent,
            extra_inputs=(*self.terrain.documents, *self.mesh.documents),
        )

    def _stages(self, request: Request) -> Stages:
        options = JoinOptions.of(request)
        return Stages(
            terrain=self.terrain,
            mesh=self.mesh,
            name=self.mesh_layer,
            options=options,
            city=request.city,
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Draw one folder of the mesh from above, or whatever a later stage asks for."""
        return self._stages(request).build(parcel, staging)

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """Models, the fit, joined tiles, each in its turn.

        Raises:
            CheckError: mesh and model lie too far apart, or a part is lost.
        """
        return self._stages(request).following(plan.parcels, built, request, staging)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Take over all bare tiles, and write what describes the joined ones."""
        told = {
            "layer": self.mesh_layer,
            "version": self.mesh.version,
            "key": self.mesh_key,
        }
        return finished(self._stages(request), told, built, staging)

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Sample the joined tiles with a decoder of its own, and hold them against the mesh."""
        return check_join(self._stages(request), staging)
