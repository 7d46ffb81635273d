/** What the settings of a recipe are called, and their values, in words. */

import { say, texts, type Key } from '../i18n/texts.svelte'

const SCHEDULES = ['Constant', 'Cosine', 'Linear']

/** "batch_size": "Batch size"; what is no setting of a recipe is called by its key. */
export function settingName(key: string): string {
  const found = say(`recipe.${key}` as Key)
  return found === `recipe.${key}` ? key : found
}

/** A value for a reader: 0.002 to the last digit, true as yes. */
export function settingValue(value: unknown): string {
  if (value === null) return say('recipe.none')
  if (typeof value === 'boolean') return say(value ? 'recipe.yes' : 'recipe.no')
  if (typeof value === 'number') return Number.isInteger(value) ? texts.whole(value) : exact(value)
  return SCHEDULES.includes(String(value)) ? say(`recipe.${value}` as Key) : String(value)
}

/** As the recipe has it, of which no digit may be lost; what is too small for that as a power of ten. */
const exact = (value: number): string => (Math.abs(value) < 1e-6 ? texts.number(value) : String(value))
