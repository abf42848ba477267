/** One version of a layer among several, and the day it shows. */
import type { Kind, Layer, VersionEntry } from './api'
import type { PublishedLayer } from './drawn'

export interface Edition {
  id: string // of the layer
  version: number
}

/** Kinds whose earlier versions can be drawn; rows of a vector layer are those of today. */
const KEPT: readonly Kind[] = ['imagery', 'terrain', 'mesh', 'points']

export function hasHistory(layer: Layer): boolean {
  return KEPT.includes(layer.kind) && (layer.published?.version ?? 1) > 1
}

/** Whether it can be drawn on one side of the picture only. */
export function canBeSplit(layer: Layer): boolean {
  return layer.published !== null && KEPT.includes(layer.kind) && layer.kind !== 'terrain'
}

/** The day a version shows: that of the survey, else that of its publication; ISO 8601. */
export function whenOf({ date, at }: VersionEntry): string {
  return date || at
}

/** A layer as it was published in an earlier version. */
export function editionOf(layer: PublishedLayer, entry: VersionEntry): PublishedLayer {
  const { version, at, extent, url, media, features } = entry
  return {
    ...layer,
    published: { ...layer.published, version, at, extent, url, media, count: features },
  }
}

export function sameEdition(one: Edition, other: Edition): boolean {
  return one.id === other.id && one.version === other.version
}
