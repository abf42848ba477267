/** A series in the words of ECharts. */
import type { ECBasicOption } from 'echarts/types/dist/shared'
import type { Axis, Series } from '../core/api'
import { figure, titleOf, unitOf } from './language'

const MUTED = { color: '#93a5b8' }

function withUnit(axis: Axis): string {
  const unit = unitOf(axis.unit)
  return unit ? `${titleOf(axis)} (${unit})` : titleOf(axis)
}

/** Whether an axis has distances to keep: all its values are numbers. */
function measured(axis: Axis): axis is Axis & { values: number[] } {
  return axis.values.every((value) => typeof value === 'number')
}

function xAxisOf(series: Series): object {
  const { x } = series
  const shared = {
    name: withUnit(x),
    nameLocation: 'middle',
    nameGap: 26,
    axisLabel: { ...MUTED, hideOverlap: true },
    nameTextStyle: MUTED,
  }
  if (!measured(x)) return { ...shared, type: 'category', data: x.values }
  const [first, second] = x.values
  const half = series.bins && second !== undefined ? (second - first!) / 2 : 0
  return {
    ...shared,
    type: 'value',
    min: Math.min(...x.values) - half,
    max: Math.max(...x.values) + half,
    // the ends are not round; the last round number is enough
    axisLabel: {
      ...shared.axisLabel,
      showMinLabel: !series.bins,
      showMaxLabel: false,
      formatter: (value: number) => figure(value, 1),
    },
    splitLine: { show: false },
    axisPointer: { label: { formatter: ({ value }: { value: number }) => figure(value, 2) } },
  }
}

function linesOf({ x, y, bins }: Series): object[] {
  return y.map((line) => ({
    type: bins ? 'bar' : 'line',
    name: withUnit(line),
    ...(line.color && { color: line.color }),
    data: measured(x) ? line.values.map((value, i) => [x.values[i], value]) : line.values,
    ...(bins
      ? { barCategoryGap: '12%' }
      : {
          connectNulls: false,
          showSymbol: line.values.length < 20,
          ...(y.length === 1 && { areaStyle: { opacity: 0.12, origin: 'start' } }),
        }),
  }))
}

export function optionsOf(series: Series): ECBasicOption {
  return {
    animation: false,
    textStyle: { fontFamily: '"Noto Sans CJK SC", "Microsoft YaHei", sans-serif' },
    color: ['#38bdf8', '#fbbf24', '#34d399', '#f87171'],
    grid: { left: 8, right: 14, top: 32, bottom: 22, containLabel: true },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: 'rgba(13,22,34,.94)',
      borderColor: 'rgba(148,184,220,.3)',
      textStyle: { color: '#e8eef5', fontSize: 12 },
      valueFormatter: (value: unknown) => (typeof value === 'number' ? figure(value, 2) : '—'),
    },
    legend: { top: 0, right: 0, type: 'scroll', textStyle: MUTED, itemWidth: 14 },
    xAxis: xAxisOf(series),
    yAxis: {
      type: 'value',
      scale: !series.bins, // heights do not begin at the sea
      axisLabel: MUTED,
      splitLine: { lineStyle: { color: 'rgba(148,184,220,.14)' } },
    },
    series: linesOf(series),
  }
}
