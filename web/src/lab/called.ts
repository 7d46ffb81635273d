/** What a run is called on the page. */

import { say } from '../i18n/texts.svelte'
import type { RunFacts } from './api'

export const called = (run: Pick<RunFacts, 'name' | 'exhibit'>): string =>
  run.exhibit ? say('lab.exhibited', { name: run.name.replace(/^exhibit:/, '') }) : run.name
