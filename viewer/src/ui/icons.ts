/** Line icons of the toolbar, 24 × 24, drawn for this viewer. */
export const ICONS = {
  layers: 'M12 3 3 8l9 5 9-5-9-5ZM3 12.5l9 5 9-5M3 17l9 5 9-5',
  home: 'M4 11.5 12 4l8 7.5M6.5 9.5V20h11V9.5M10 20v-6h4v6',
  measure: 'M3 16.5 16.5 3 21 7.5 7.5 21 3 16.5ZM7 12.5l2 2M10 9.5l3 3M13 6.5l2 2',
  analysis: 'M4 20V10M10 20V4M16 20v-7M22 20H2M20 13V8',
  share: 'M8.5 13.5 15.5 17.5M15.5 6.5l-7 4M18 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM6 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM18 21a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20.5 20.5 16 16',
  close: 'M5 5l14 14M19 5 5 19',
  locate: 'M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM12 2v4M12 18v4M2 12h4M18 12h4',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 7.8v.4',
  raise: 'M5 20h14M7 20V9l5-4 5 4v11M12 13v4',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  warn: 'M12 4 2.5 20h19L12 4ZM12 10v4.5M12 17.2v.4',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  pin: 'M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.500C5 14.8 12 21 12 21ZM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z',
  chevron: 'M9 6l6 6-6 6',
  distance: 'M4 18 20 6M4 18a1.5 1.5 0 1 0 0-.1M20 6a1.5 1.5 0 1 0 0-.1',
  height: 'M12 4v16M8 8l4-4 4 4M8 16l4 4 4-4',
  area: 'M5 8 14 4l6 7-4 9H6L5 8Z',
  mesh: 'M12 3 4 7.500v9L12 21l8-4.500v-9L12 3ZM12 12 4 7.500M12 12l8-4.500M12 12v9',
  terrain: 'M3 19 9 8l4 6 3-4 5 9H3Z',
  imagery: 'M4 5h16v14H4zM4 15l5-4 4 3 3-2 4 4M9 9v.1',
  vector: 'M5 19 9 8l9 3 2-6M9 8v.1M18 11v.1',
} as const

export type IconName = keyof typeof ICONS
