/** What metrics and figures are called for a reader; those that have no name here are called as in the results. */

import en from './en.json'
import { say, texts, type Key } from './texts.svelte'

export const metric = (name: string): string => (`metric.${name}` in en ? say(`metric.${name}` as Key) : name)

/** What a figure of a task shows. */
export const figure = (name: string): string => (`figure.${name}` in en ? say(`figure.${name}` as Key) : name)

/** The figure that a run must reach. */
export interface Target {
  metric: string
  at_least: number | null
  at_most: number | null
  published: number | null
}

/** "accuracy ≥ 0.99". */
export const targetText = (target: Target): string =>
  target.at_least !== null
    ? `${metric(target.metric)} ≥ ${texts.number(target.at_least)}`
    : `${metric(target.metric)} ≤ ${texts.number(target.at_most!)}`
